"""Which nodes form one kernel.

A unit is a set of elementwise nodes over one index space, or one other node (a contraction, a maximum, a
gather), which then takes along the elementwise nodes that only it reads (its prologue).  Leaves, views
and constants are no units: whoever reads them reads their source.

Fusion keeps the units' graph acyclic: a node joins the unit of an operand only if none of its other
operands depends on that unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.graph.graph import Graph, Node
from compiler.ops.contract import Contract
from compiler.ops.elementwise import Elementwise
from compiler.ops.leaf import Constant, Input, Iota, Literal, Persistent
from compiler.ops.random import Random
from compiler.ops.reduce import Max
from compiler.ops.shape import Reshape
from compiler.passes.simplify import is_view
from compiler.schedule.phases import PhaseKey

LARGEST = 40  # nodes in one unit: beyond that a kernel compiles slowly and runs no faster


@dataclass
class Unit:
    """Nodes computed by one kernel, in order; the last is the one that is not elementwise, if any."""

    phase: PhaseKey
    nodes: list[int] = field(default_factory=list)
    reads: set[int] = field(default_factory=set)  # units it depends on


def is_leaf(node: Node) -> bool:
    """Whether a node needs no kernel: its numbers are there already."""
    return isinstance(node.op, Input | Persistent | Constant | Literal | Iota)


def is_alias(graph: Graph, node: Node) -> bool:
    """Whether a node is only another way to look at its operand's numbers."""
    if isinstance(node.op, Contract) and len(node.inputs) == 1:
        return is_view(node.op, graph[node.inputs[0]].type.shape)
    return isinstance(node.op, Reshape)


def is_pointwise(node: Node) -> bool:
    """Whether a node can share a kernel with others over the same index space."""
    return isinstance(node.op, Elementwise | Random)


def is_reduction(node: Node) -> bool:
    """Whether a node is loops over one operand, with which elementwise nodes may be fused."""
    return isinstance(node.op, Max) or isinstance(node.op, Contract) and len(node.inputs) == 1


def form_units(graph: Graph, phase: Mapping[int, PhaseKey], fuse: bool = True) -> list[Unit]:
    """Units in an order in which each comes after those it reads."""
    units: list[Unit] = []
    owner: dict[int, int] = {}
    source: dict[int, int] = {}  # an alias -> the node whose numbers it shows
    users = graph.users()
    for node in graph.nodes:
        if is_leaf(node):
            continue
        operands = {source.get(i, i) for i in node.inputs}
        if is_alias(graph, node):
            source[node.id] = next(iter(operands))
            continue
        reads = {owner[i] for i in operands if i in owner}
        joined = _unit_to_join(graph, node, phase, units, owner, reads, users) if fuse else None
        if joined is None:
            joined = len(units)
            units.append(Unit(phase[node.id]))
        units[joined].nodes.append(node.id)
        units[joined].reads |= reads - {joined}
        owner[node.id] = joined
    return _in_order(units)


def _unit_to_join(
    graph: Graph, node: Node, phase: Mapping[int, PhaseKey], units: list[Unit],
    owner: Mapping[int, int], reads: set[int], users: Mapping[int, list[int]],
) -> int | None:
    for operand in reversed(node.inputs):
        candidate = owner.get(operand)
        if candidate is None or not _may_share(graph, node, operand, units[candidate], users):
            continue
        unit = units[candidate]
        same_place = unit.phase == phase[node.id] and len(unit.nodes) < LARGEST
        others = reads - {candidate}
        if same_place and not any(_depends(units, other, candidate) for other in others):
            return candidate
    return None


def _may_share(
    graph: Graph, node: Node, operand: int, unit: Unit, users: Mapping[int, list[int]]
) -> bool:
    """Whether `node` may be computed in the same loop as its operand's unit.

    A reduction closes a unit that nobody else reads.
    """
    if not all(is_pointwise(graph[i]) for i in unit.nodes):
        return False
    if is_pointwise(node):
        return graph[operand].type.shape == node.type.shape
    inside, wanted = {*unit.nodes, node.id}, set(graph.outputs.values())
    private = all(inside.issuperset(users[i]) and i not in wanted for i in unit.nodes)
    return is_reduction(node) and private and graph[operand].type.shape == graph[unit.nodes[0]].type.shape


def _depends(units: list[Unit], start: int, target: int) -> bool:
    """Whether unit `start` reads unit `target`, directly or not."""
    stack, seen = [start], {start}
    while stack:
        unit = stack.pop()
        if unit == target:
            return True
        fresh = units[unit].reads - seen
        seen |= fresh
        stack.extend(fresh)
    return False


def _in_order(units: list[Unit]) -> list[Unit]:
    """By phase, then topologically, early nodes first."""
    done: set[int] = set()
    order: list[int] = []
    waiting = sorted(range(len(units)), key=lambda u: (units[u].phase, units[u].nodes[-1]))
    while waiting:
        ready = next(u for u in waiting if units[u].reads <= done)
        waiting.remove(ready)
        done.add(ready)
        order.append(ready)
    return [units[u] for u in order]
