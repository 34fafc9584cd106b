"""List scheduling: the fusion groups in the order in which their kernels run.

A group stands after those that it reads.  Of the groups that may come next, the one with the lowest
*priority* does: stages in order first, then the order in which the nodes were written.  The groups
of a recurrence stay together, as the runtime repeats them step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from gradc_compiler.fusion.groups import FusionGroup, is_alias, reads
from gradc_compiler.fusion.stages import Stage
from gradc_compiler.graph.graph import Graph
from gradc_compiler.ops.contract import Contract

Priority = tuple[Stage, int, int]


def list_schedule(graph: Graph, groups: list[FusionGroup]) -> list[FusionGroup]:
    """The groups in order; those of one recurrence are ordered among themselves, then in it."""
    ordered = _sorted(graph, _clusters(groups), carried=True)
    return [u for cluster in ordered for u in _inside(graph, cluster)]


def _clusters(groups: list[FusionGroup]) -> list[list[FusionGroup]]:
    """The groups of each recurrence together, every other group alone."""
    clusters: dict[object, list[FusionGroup]] = {}
    for group in groups:
        key = group.region if group.region.loop is not None else id(group)
        clusters.setdefault(key, []).append(group)
    return list(clusters.values())


def _inside(graph: Graph, cluster: list[FusionGroup]) -> list[FusionGroup]:
    """The groups of one step of a recurrence in order.

    What is carried comes from the step before, so it is no reason to wait.
    """
    if len(cluster) == 1:
        return cluster
    return [group for (group,) in _sorted(graph, [[group] for group in cluster], carried=False)]


def _sorted(
    graph: Graph, clusters: list[list[FusionGroup]], *, carried: bool
) -> list[list[FusionGroup]]:
    number = {
        id: k for k, cluster in enumerate(clusters) for group in cluster for id in group.nodes
    }
    read = {
        k: {s for group in cluster for s in _read(graph, group, number, carried)} - {k}
        for k, cluster in enumerate(clusters)
    }
    priorities = _priorities(graph, clusters, read)
    waiting = TopologicalSorter(read)
    waiting.prepare()
    ready: list[tuple[Priority, int]] = []
    order = []
    while waiting.is_active():
        for k in waiting.get_ready():
            heappush(ready, (priorities[k], k))
        order.append(heappop(ready)[-1])
        waiting.done(order[-1])
    return [clusters[k] for k in order]


def _priorities(
    graph: Graph, clusters: list[list[FusionGroup]], read: Mapping[int, set[int]]
) -> dict[int, Priority]:
    """The priority of each group.

    A product in a serial stage stands directly before its first reader: a thread may then compute a
    range of the product and let the reader use it while it is in the cache (`TileChain`).
    """
    last = {k: cluster[0].nodes[-1] for k, cluster in enumerate(clusters)}
    priorities = {k: (cluster[0].phase, last[k], 1) for k, cluster in enumerate(clusters)}
    for reader in sorted(read, key=lambda k: -last[k]):
        for k in read[reader]:
            node, phase = graph[last[k]], clusters[k][0].phase
            if isinstance(node.op, Contract) and len(node.inputs) == 2 and not phase.examples:
                priorities[k] = (phase, last[reader], 0)
    return priorities


def _read(graph: Graph, group: FusionGroup, number: Mapping[int, int], carried: bool) -> set[int]:
    """The groups whose values a group reads, directly or through views."""
    found = set()
    stack = [i for id in group.nodes for i in (reads(graph, id) if carried else graph[id].inputs)]
    while stack:
        i = stack.pop()
        if i in number:
            found.add(number[i])
        elif is_alias(graph, graph[i]):
            stack.extend(graph[i].inputs)
    return found
