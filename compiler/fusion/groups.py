"""Which nodes form one kernel.

A unit is a set of elementwise nodes over one index space, or one other node (a contraction, a
maximum, a gather), which then takes along the elementwise nodes that only it reads (its prologue).
Leaves, views and constants are no units: whoever reads them reads their source.

Fusion keeps the units' graph acyclic: two units are merged only if no path leaves them and comes
back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from gradc_compiler.fusion.heights import Heights
from gradc_compiler.fusion.stages import Region, Stage
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.index import Increment
from gradc_compiler.ops.leaf import Constant, Input, Iota, Literal, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.reduce import Max
from gradc_compiler.ops.sequence import (
    AtLast,
    Last,
    Length,
    Previous,
    Reverse,
    TimeBroadcast,
    TimePosition,
    TimeSum,
)
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.program.entry import MOST_OPERANDS
from gradc_compiler.rewrites.algebra.simplify import is_view

OUTSIDE = -1  # reads what is an output
LARGEST = 40  # nodes in one unit: beyond that a kernel compiles slowly and runs no faster
MOST_PLACES = MOST_OPERANDS - 4  # of one kernel, as counted by `_places`


@dataclass
class FusionGroup:
    """Nodes computed by one kernel, in order; the one that is not elementwise, if any, is last."""

    region: Region
    nodes: list[int] = field(default_factory=list)

    @property
    def phase(self) -> Stage:
        """The phase it runs in."""
        return self.region.phase


def is_leaf(node: Node) -> bool:
    """Whether a node needs no kernel: its numbers are there already."""
    return isinstance(
        node.op, Input | PersistentOp | Constant | Literal | Iota | Length | TimePosition
    )


def is_alias(graph: Graph, node: Node) -> bool:
    """Whether a node is only another way to look at its operand's numbers."""
    if isinstance(node.op, Contract) and len(node.inputs) == 1:
        return is_view(node.op, graph[node.inputs[0]].type.shape)
    return isinstance(node.op, Reshape)


def is_pointwise(node: Node) -> bool:
    """Whether a node can share a kernel with others over the same index space."""
    in_time = TimeBroadcast | Reverse | Previous | AtLast | Last
    return isinstance(node.op, Elementwise | Random | Increment | in_time)


def is_reduction(node: Node) -> bool:
    """Whether a node is loops over one operand, with which elementwise nodes may be fused."""
    one = isinstance(node.op, Contract) and len(node.inputs) == 1
    return one or isinstance(node.op, Max | TimeSum)


def reads(graph: Graph, id: int) -> list[int]:
    """The nodes that a node reads: its operands, and what is carried to it."""
    node, carries = graph[id], graph.carries
    loop = node.op.carried_by
    return [*node.inputs, *([] if loop is None else [carries[loop]])]


def fuse(graph: Graph, regions: Mapping[int, Region], fuse: bool = True) -> list[FusionGroup]:
    """The units, in no order (see `list_schedule.py`).

    Readers come first: a node joins the unit of a reader, so that it need not be stored, or at
    least not be loaded; where two units read it, they are merged if that is possible.
    """
    users, following = _users(graph), _following(graph)
    forming = _Forming(graph, following, Heights(following, circles=bool(graph.carries)))
    for node in reversed(graph.nodes):
        forming.heights.add(node.id)
        if is_leaf(node) or is_alias(graph, node):
            continue
        unit = forming.enter(FusionGroup(regions[node.id], [node.id]))
        for reader in dict.fromkeys(users[node.id]) if fuse and is_pointwise(node) else ():
            other = forming.unit_of.get(reader)
            if other is not None and other is not unit and _may_merge(graph, unit, other, users):
                unit = forming.merged(unit, other)
    return list({id(u): u for u in forming.unit_of.values()}.values())


def _users(graph: Graph) -> dict[int, list[int]]:
    """For each node, the nodes that read it, and OUTSIDE where an output does."""
    users = graph.users()
    for id in graph.outputs.values():
        users[id].append(OUTSIDE)
    return users


def _following(graph: Graph) -> dict[int, list[int]]:
    """For each node, the nodes that read it, in a later step too."""
    following: dict[int, list[int]] = {node.id: [] for node in graph.nodes}
    for node in graph.nodes:
        for id in reads(graph, node.id):
            following[id].append(node.id)
    return following


def _may_merge(
    graph: Graph, a: FusionGroup, b: FusionGroup, users: Mapping[int, list[int]]
) -> bool:
    """Whether two units, the first with nothing but pointwise nodes, could be one kernel."""
    if a.region != b.region or len(a.nodes) + len(b.nodes) > LARGEST:
        return False
    nodes = {*a.nodes, *b.nodes}
    if any(isinstance(graph[i].op, Reverse) and graph[i].inputs[0] in nodes for i in nodes):
        return False  # it reads other rows than the one at hand
    last = graph[max(nodes)]
    others = [i for i in nodes if not is_pointwise(graph[i])]
    if not others:
        same = graph[a.nodes[0]].type.shape == graph[b.nodes[0]].type.shape
    else:
        same = others == [last.id] and _takes_prologue(graph, last, nodes)
        same = same and _private(graph, nodes, users)
        same = same and graph[last.inputs[0]].type.shape == graph[a.nodes[0]].type.shape
    return same and _places(graph, nodes, users) <= MOST_PLACES


def _places(graph: Graph, nodes: set[int], users: Mapping[int, list[int]]) -> int:
    """How many places a kernel of these nodes would read and write."""
    read = {i for id in nodes for i in reads(graph, id)} - nodes
    rows = {i for i in nodes if graph[i].op.sequential}
    written = [i for i in nodes if not nodes.issuperset(users[i])]
    return len(read) + len(written) + 2 * len(rows)


def _takes_prologue(graph: Graph, node: Node, nodes: set[int]) -> bool:
    """Whether a reduction may compute what it reads.

    Where it reads outside, it needs the border; a draw knows its element by the loops, which a
    reduction changes.
    """
    x = graph[node.inputs[0]]
    outside = isinstance(node.op, Contract) and node.op.reads_outside(0, x.type.shape)
    draws = any(isinstance(graph[i].op, Random) for i in nodes)
    return is_reduction(node) and not outside and not draws


def _private(graph: Graph, nodes: set[int], users: Mapping[int, list[int]]) -> bool:
    """Whether a reduction's prologue is read by nobody else."""
    inner = nodes - {max(nodes)}
    return all(nodes.issuperset(users[i]) for i in inner)


@dataclass
class _Forming:
    """The units so far, by node."""

    graph: Graph
    following: Mapping[int, list[int]]
    heights: Heights
    unit_of: dict[int, FusionGroup] = field(default_factory=dict)

    def enter(self, unit: FusionGroup) -> FusionGroup:
        """Let all nodes of a unit know it."""
        self.unit_of.update(dict.fromkeys(unit.nodes, unit))
        return unit

    def merged(self, unit: FusionGroup, other: FusionGroup) -> FusionGroup:
        """Both as one unit, or the first as it is where what lies between is in its way."""
        if self._returns({*unit.nodes, *other.nodes}, unit.region):
            return unit
        both = self.enter(FusionGroup(unit.region, sorted([*unit.nodes, *other.nodes])))
        self.heights.join(both.nodes, self._members, partial(reads, self.graph))
        return both

    def _members(self, id: int) -> list[int]:
        return self.unit_of[id].nodes if id in self.unit_of else [id]

    def _returns(self, nodes: set[int], region: Region) -> bool:
        """Whether a path through other units comes back: these cannot be computed at once then.

        A unit passes on what any of its nodes reads to whoever reads any other.
        """
        low, seen = self.heights.lowest(nodes), set[int]()

        def after(id: int) -> Iterator[int]:
            for u in self._after(id, region):
                if u not in seen and (u in nodes or self.heights.above(u, low)):
                    yield u

        stack = [u for i in nodes for u in after(i) if u not in nodes]
        while stack:
            id = stack.pop()
            if id in nodes:
                return True
            if id not in seen and not self._is_elsewhere(id, region):
                members = self._members(id)
                seen.update(members)
                stack.extend(u for i in members for u in after(i))
        return False

    def _after(self, id: int, region: Region) -> list[int]:
        """Who reads a node; within a step of a loop only in that step, by higher numbers."""
        later = self.following[id]
        return later if region.loop is None else [u for u in later if u > id]

    def _is_elsewhere(self, id: int, region: Region) -> bool:
        """Whether no path through a node comes back: a phase is never entered again."""
        unit = self.unit_of.get(id)
        if unit is None or unit.phase != region.phase:
            return unit is not None
        return region.loop is not None and unit.region.loop != region.loop
