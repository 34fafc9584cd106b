"""The order of units: by phase, each after those it reads, the units of a loop together."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from gradc_compiler.fusion.groups import FusionGroup, is_alias, reads
from gradc_compiler.fusion.stages import Stage
from gradc_compiler.graph.graph import Graph
from gradc_compiler.ops.contract import Contract

Turn = tuple[Stage, int, int]


def list_schedule(graph: Graph, units: list[FusionGroup]) -> list[FusionGroup]:
    """By phase, then topologically, early nodes first; a loop counts as one unit on the outside."""
    ordered = _sorted(graph, _groups(units), carried=True)
    return [u for group in ordered for u in _inside(graph, group)]


def _groups(units: list[FusionGroup]) -> list[list[FusionGroup]]:
    """Units by loop, each other one alone."""
    groups: dict[object, list[FusionGroup]] = {}
    for unit in units:
        key = unit.region if unit.region.loop is not None else id(unit)
        groups.setdefault(key, []).append(unit)
    return list(groups.values())


def _inside(graph: Graph, group: list[FusionGroup]) -> list[FusionGroup]:
    """The units of one step, in order; what is carried comes from the step before."""
    if len(group) == 1:
        return group
    return [unit for (unit,) in _sorted(graph, [[unit] for unit in group], carried=False)]


def _sorted(
    graph: Graph, groups: list[list[FusionGroup]], *, carried: bool
) -> list[list[FusionGroup]]:
    number = {id: k for k, group in enumerate(groups) for unit in group for id in unit.nodes}
    read = {
        k: {s for unit in group for s in _read(graph, unit, number, carried)} - {k}
        for k, group in enumerate(groups)
    }
    turns = _turns(graph, groups, read)
    waiting = TopologicalSorter(read)
    waiting.prepare()
    ready: list[tuple[Turn, int]] = []
    order = []
    while waiting.is_active():
        for k in waiting.get_ready():
            heappush(ready, (turns[k], k))
        order.append(heappop(ready)[-1])
        waiting.done(order[-1])
    return [groups[k] for k in order]


def _turns(
    graph: Graph, groups: list[list[FusionGroup]], read: Mapping[int, set[int]]
) -> dict[int, Turn]:
    """When each group would like to be computed.

    A product that is computed once comes just before whoever reads it first: the two may then be
    cut into pieces together.
    """
    last = {k: group[0].nodes[-1] for k, group in enumerate(groups)}
    turns = {k: (group[0].phase, last[k], 1) for k, group in enumerate(groups)}
    for reader in sorted(read, key=lambda k: -last[k]):
        for k in read[reader]:
            node, phase = graph[last[k]], groups[k][0].phase
            if isinstance(node.op, Contract) and len(node.inputs) == 2 and not phase.examples:
                turns[k] = (phase, last[reader], 0)
    return turns


def _read(graph: Graph, unit: FusionGroup, number: Mapping[int, int], carried: bool) -> set[int]:
    """The groups that a unit reads, through views."""
    found = set()
    stack = [i for id in unit.nodes for i in (reads(graph, id) if carried else graph[id].inputs)]
    while stack:
        i = stack.pop()
        if i in number:
            found.add(number[i])
        elif is_alias(graph, graph[i]):
            stack.extend(graph[i].inputs)
    return found
