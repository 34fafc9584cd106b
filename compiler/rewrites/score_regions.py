"""Where a graph has attention: scores of every pair of positions, and what is made of them by rows.

    scores[h, i, j] = sum over a of q[i, h, a] k[j, h, a]     a product larger than its operands
    weights         = softmax over j of scores                elementwise, and statistics of rows
    y[i, h, a]      = sum over j of weights[h, i, j] v[j, h, a]

It is found by what it does, not by what it is called.  A *region* starts at such a product and one
axis of it, its *rows*.  It takes in all values as large that can be computed for some rows without
the others, and the statistics of rows between them; no value of it but a statistic may be read by
anything else than a product that makes it small again: an *exit*.  Scale, mask, dropout and the
derivative are such values too, so the forward and the backward half of an attention are one region.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.reduce import Max
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.split_long_sums import kept_loops


class _NoRegion(Exception):
    """Raised where a region cannot be completed."""


@dataclass
class ScoreRegion:
    """The members of a region, with the axis of each that is the rows; and its exits, with the loop
    of each that goes over rows.
    """

    rows: int
    large: int  # words of its scores
    axes: dict[int, int] = field(default_factory=dict)
    exits: dict[int, int] = field(default_factory=dict)

    def is_large(self, node: Node) -> bool:
        """Whether a value has a number for every pair of positions."""
        return node.type.size >= self.large


def score_regions(graph: Graph) -> Iterator[ScoreRegion]:
    """The regions of a graph, none of which share a node."""
    varying, taken = graph.varying, set[int]()
    seeds = [node for node in graph.nodes if _has_scores(graph, node, varying)]
    users = graph.users if seeds else {}
    for seed in seeds:
        for axis, rows in enumerate(seed.type.shape):
            if seed.id in taken or rows < 2 * MACHINE.query_rows:
                continue
            region = _Growing(graph, users, varying, ScoreRegion(rows, seed.type.size))
            if region.grown(seed, axis) and not taken & {*region.found.axes, *region.found.exits}:
                taken |= {*region.found.axes, *region.found.exits}
                yield region.found


def _has_scores(graph: Graph, node: Node, varying: frozenset[int]) -> bool:
    """Whether a product of two values of an example is much larger than both."""
    match node.op:
        case Contract(mean=False, operands=(_, _)) if node.type.time is None:
            size, read = node.type.size, sum(graph[i].type.size for i in node.inputs)
            return size >= max(MACHINE.scores, 2 * read) and varying.issuperset(node.inputs)
    return False


@dataclass
class _Growing:
    """A region while values are found that belong to it."""

    graph: Graph
    users: Mapping[int, list[int]]
    varying: frozenset[int]
    found: ScoreRegion
    pending: list[int] = field(default_factory=list)

    def grown(self, seed: Node, axis: int) -> bool:
        """The region that a product starts; None if it cannot be completed."""
        try:
            self.join(seed.id, axis)
            while self.pending:
                node = self.graph[self.pending.pop()]
                self.join_operands(node)
                for user in dict.fromkeys(self.users[node.id]):
                    self.join_user(node, self.graph[user])
            self.found.exits = {id: self.loop_of(self.graph[id]) for id in self.found.exits}
        except _NoRegion:
            return False
        return self.is_attention()

    def is_attention(self) -> bool:
        """Whether large values are computed from statistics, and something leaves the region."""
        members = [self.graph[id] for id in self.found.axes]
        small = {node.id for node in members if not self.found.is_large(node)}
        large = [node for node in members if node.id not in small]
        wanted = set(self.graph.outputs.values())
        return (
            bool(self.found.exits)
            and any(small.intersection(node.inputs) for node in large)
            and not any(node.id in wanted for node in large)
        )

    def join(self, id: int, axis: int) -> None:
        """Make a value, whose rows lie along an axis, a member."""
        node, known = self.graph[id], self.found.axes.get(id)
        if known is None:
            if node.type.time is not None or node.type.shape[axis] != self.found.rows:
                raise _NoRegion
            self.found.axes[id] = axis
            self.pending.append(id)
        elif known != axis:
            raise _NoRegion

    def join_user(self, node: Node, user: Node) -> None:
        """Make the reader of a member a member too, or an exit; any other reader may read only
        statistics.
        """
        axis = axis_above(self.graph, node.id, self.found.axes[node.id], user)
        product = isinstance(user.op, Contract)
        if axis is not None and (self.found.is_large(user) or self.is_statistic(user)):
            self.join(user.id, axis)
        elif product and self.found.is_large(node):
            self.found.exits.setdefault(user.id, -1)
        elif self.found.is_large(node):
            raise _NoRegion

    def is_statistic(self, node: Node) -> bool:
        """Whether a number for each row is computed from members and scalars alone."""
        few = node.type.size * MACHINE.vector <= self.found.large
        known = all(i in self.found.axes or self.graph[i].type.size == 1 for i in node.inputs)
        return few and (len(node.inputs) == 1 or (isinstance(node.op, Elementwise) and known))

    def join_operands(self, node: Node) -> None:
        """Make large operands of members members, which requires that they can be computed by
        rows.
        """
        for k, i in enumerate(node.inputs):
            operand = self.graph[i]
            computed = isinstance(operand.op, Elementwise | Contract | Random)
            if i in self.varying and computed and self.found.is_large(operand):
                axis = axis_below(self.graph, node, k, self.found.axes[node.id])
                if axis is None:
                    raise _NoRegion
                self.join(i, axis)
                if isinstance(operand.op, Contract) and loop_along(operand, axis) is None:
                    raise _NoRegion

    def loop_of(self, node: Node) -> int:
        """The loop of an exit that goes over rows, the same for all members that it reads."""
        op, axes, loops = node.op, self.found.axes, set[int | None]()
        assert isinstance(op, Contract), "an exit is a product"
        for m, i in zip(op.operands, node.inputs, strict=True):
            if i in axes:
                loops.add(m[axes[i]].plain)
                if sum(m[axes[i]].plain in dict(p.terms) for p in m) != 1:
                    raise _NoRegion
        loop = loops.pop() if len(loops) == 1 else None
        shown = [p for p in op.result if loop in dict(p.terms)]
        fits = loop is not None and op.extents[loop] == self.found.rows
        if loop is None or not fits or len(shown) > 1 or any(p.plain != loop for p in shown):
            raise _NoRegion
        return loop


def axis_above(graph: Graph, id: int, axis: int, user: Node) -> int | None:
    """The axis of a reader's value that an axis of its operand becomes; None if it does not stay
    whole.
    """
    shape = graph[id].type.shape
    match user.op:
        case Elementwise():
            above = axis + user.type.rank - len(shape)
            return above if user.type.shape[above] == shape[axis] else None
        case Max(axes=axes):
            return None if axis in axes else axis - sum(a < axis for a in axes)
        case Reshape(shape=new):
            return _axis_reshaped(shape, axis, new)
        case Contract(mean=False) as op:
            read = [m for m, i in zip(op.operands, user.inputs, strict=True) if i == id]
            loops = {m[axis].plain for m in read}
            found = [a for a, p in enumerate(op.result) if {p.plain} == loops - {None}]
            return found[0] if len(loops) == len(found) == 1 else None
    return None


def axis_below(graph: Graph, node: Node, k: int, axis: int) -> int | None:
    """The axis of an operand that becomes a given axis of a value."""
    shape = graph[node.inputs[k]].type.shape
    match node.op:
        case Elementwise():
            below = axis - (node.type.rank - len(shape))
            return below if below >= 0 and shape[below] == node.type.shape[axis] else None
        case Contract() as op:
            loop = loop_along(node, axis)
            found = [a for a, p in enumerate(op.operands[k]) if p.plain == loop]
            return found[0] if loop is not None and len(found) == 1 else None
        case Max(axes=axes):
            kept = [a for a in range(len(shape)) if a not in axes]
            return kept[axis]
        case Reshape():
            return _axis_reshaped(node.type.shape, axis, shape)
    return None


def loop_along(node: Node, axis: int) -> int | None:
    """The loop of a sum that alone moves along an axis of the result, and over all of that axis."""
    op = node.op
    assert isinstance(op, Contract), "only a sum has loops"
    loop = op.result[axis].plain
    if loop is None or op.extents[loop] != op.shape[axis] or loop not in kept_loops(op):
        return None
    return loop if sum(loop in dict(p.terms) for p in op.result) == 1 else None


def _axis_reshaped(shape: tuple[int, ...], axis: int, new: tuple[int, ...]) -> int | None:
    """The axis of another shape with as many numbers before and after it."""
    before, words = 1, 1
    for n in shape[:axis]:
        before *= n
    for a, n in enumerate(new):
        if words == before and n == shape[axis]:
            return a
        words *= n
    return None
