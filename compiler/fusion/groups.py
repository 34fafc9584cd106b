"""Operator fusion: which nodes form one kernel.

A kernel that computes several nodes keeps the values between them in registers, where separate
kernels would write each value to memory and read it again.  A *fusion group* is the nodes of one
kernel: elementwise nodes over the same index space, or one other node (a contraction, a maximum, a
gather) together with the elementwise nodes that only it reads, its *prologue*.  Leaves, views and
constants need no kernel, so they are in no group: the reader of a view reads the view's source.

Two groups are merged only if no path through other groups leads from one back to the other: else
each would have to be computed before the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import partial

from gradc_compiler.fusion.heights import Heights
from gradc_compiler.fusion.stages import Region, Stage
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.remat_mark import Remat
from gradc_compiler.machine.machine import MACHINE
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
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.simplify import is_view

OUTSIDE = -1  # reads what is an output
LARGEST = MACHINE.most_fused  # nodes in one group
MOST_PLACES = MOST_OPERANDS - 4  # of one kernel, as counted by `_places`


@dataclass
class FusionGroup:
    """Nodes computed by one kernel, in order; the one that is not elementwise, if any, is last."""

    region: Region
    nodes: list[int] = field(default_factory=list)

    @property
    def phase(self) -> Stage:
        """The stage that the group's kernel runs in."""
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
    """The fusion groups of a graph, in no order (`list_schedule.py` puts them in one).

    Nodes are visited from last to first, so that the readers of a node are in groups already.  A
    node joins the group of its first reader; if other groups read it too, they are merged with that
    one where this is possible.  Then the node's value is not stored, or at least not loaded again.
    """
    users, following = _users(graph), _following(graph)
    forming = _Forming(graph, following, Heights(following, circles=bool(graph.carries)))
    for node in reversed(graph.nodes):
        forming.heights.add(node.id)
        if is_leaf(node) or is_alias(graph, node):
            continue
        group = forming.enter(FusionGroup(regions[node.id], [node.id]))
        joins = fuse and is_pointwise(node) and node.remat != Remat.NEVER  # to be stored
        for reader in dict.fromkeys(users[node.id]) if joins else ():
            other = forming.group_of.get(reader)
            if other is not None and other is not group and _may_merge(graph, group, other, users):
                group = forming.merged(group, other)
    return list({id(u): u for u in forming.group_of.values()}.values())


def _users(graph: Graph) -> dict[int, list[int]]:
    """For each node, the nodes that read it, and OUTSIDE where an output does."""
    users = dict(graph.users)
    for id in graph.outputs.values():
        users[id] = [*users[id], OUTSIDE]
    return users


def _following(graph: Graph) -> dict[int, list[int]]:
    """For each node, the nodes that read it, those of the next step of a recurrence included."""
    following: dict[int, list[int]] = {node.id: [] for node in graph.nodes}
    for node in graph.nodes:
        for id in reads(graph, node.id):
            following[id].append(node.id)
    return following


def _may_merge(
    graph: Graph, a: FusionGroup, b: FusionGroup, users: Mapping[int, list[int]]
) -> bool:
    """Whether two groups, the first of pointwise nodes alone, could be one kernel."""
    if a.region != b.region or len(a.nodes) + len(b.nodes) > LARGEST:
        return False
    nodes = {*a.nodes, *b.nodes}
    if any(isinstance(graph[i].op, Reverse) and graph[i].inputs[0] in nodes for i in nodes):
        return False  # a reversal reads other rows than the one that the kernel is at
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
    """How many places in memory a kernel of these nodes would read and write."""
    read = {i for id in nodes for i in reads(graph, id)} - nodes
    rows = {i for i in nodes if graph[i].op.sequential}
    written = [i for i in nodes if not nodes.issuperset(users[i])]
    return len(read) + len(written) + 2 * len(rows)


def _takes_prologue(graph: Graph, node: Node, nodes: set[int]) -> bool:
    """Whether a reduction's kernel may compute the reduction's operand on the way.

    Not where the reduction reads outside its operand: the zeros there must lie in memory.  Nor
    where the operand has random numbers: a draw finds its element by the loops over the operand,
    and a reduction has other loops.
    """
    x = graph[node.inputs[0]]
    outside = isinstance(node.op, Contract) and node.op.reads_outside(0, x.type.shape)
    draws = any(isinstance(graph[i].op, Random) for i in nodes)
    return is_reduction(node) and not outside and not draws


def _private(graph: Graph, nodes: set[int], users: Mapping[int, list[int]]) -> bool:
    """Whether only the group's last node, a reduction, reads the nodes before it."""
    inner = nodes - {max(nodes)}
    return all(nodes.issuperset(users[i]) for i in inner)


@dataclass
class _Forming:
    """The groups so far: `group_of` has the group of each node that is in one."""

    graph: Graph
    following: Mapping[int, list[int]]
    heights: Heights
    group_of: dict[int, FusionGroup] = field(default_factory=dict)

    def enter(self, group: FusionGroup) -> FusionGroup:
        """Enter a group as that of all its nodes."""
        self.group_of.update(dict.fromkeys(group.nodes, group))
        return group

    def merged(self, group: FusionGroup, other: FusionGroup) -> FusionGroup:
        """Two groups as one; the first unchanged if a path through other groups forbids that."""
        if self._returns({*group.nodes, *other.nodes}, group.region):
            return group
        both = self.enter(FusionGroup(group.region, sorted([*group.nodes, *other.nodes])))
        self.heights.join(both.nodes, self._members, partial(reads, self.graph))
        return both

    def _members(self, id: int) -> list[int]:
        return self.group_of[id].nodes if id in self.group_of else [id]

    def _returns(self, nodes: set[int], region: Region) -> bool:
        """Whether a path leaves these nodes and comes back to them through other groups.

        Then they cannot be one kernel.  A path may enter a group at any of its nodes and leave it
        at any other: a kernel has all its inputs read before any of its outputs is known.
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
        """The nodes that read a node.  For nodes of a recurrence, only those in the same step:
        their numbers are higher, and what reads a value in the next step has a lower number.
        """
        later = self.following[id]
        return later if region.loop is None else [u for u in later if u > id]

    def _is_elsewhere(self, id: int, region: Region) -> bool:
        """Whether no path through a node can come back, because the node is in another stage or
        another recurrence: neither is entered a second time.
        """
        group = self.group_of.get(id)
        if group is None or group.phase != region.phase:
            return group is not None
        return region.loop is not None and group.region.loop != region.loop
