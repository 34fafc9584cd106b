"""Where a graph has an attention that a GPU's kernel can compute.

From the last product back: its operand is exp(x - greatest) / sum along an axis, and x is computed,
number by number, of a product of two values, q and k.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.pair_sums import PairSum, PairSums, row_axis
from gradc_compiler.ops.reduce import Max
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.pair_formula import (
    PairFormula,
    UnfitError,
    loops_of,
    need,
    product_of,
    sum_of,
)

COPIES = ("copy", "stop_gradient")


@dataclass(frozen=True)
class FoundSums:
    """The operator, what it reads, and which node begins at which word of what it makes."""

    op: PairSums
    inputs: tuple[int, ...]
    makes: dict[int, int]

    @property
    def first(self) -> int:
        """The first node that it makes."""
        return next(iter(self.makes))


@dataclass(frozen=True)
class FoundAttention:
    """An attention: its operator and nodes, the axes of its rows and columns."""

    sums: FoundSums
    y: Node
    weights: int
    greatest: int
    total: int
    members: frozenset[int]  # what has numbers of pairs
    statistics: frozenset[int]  # what is known of rows, and views of that
    product: int
    value: int  # the node of v
    rows: int
    columns: int


def attentions(graph: Graph) -> Iterator[FoundAttention]:
    """All that fit."""
    wanted = frozenset(graph.outputs.values())
    for node in graph.nodes:
        if isinstance(node.op, Contract) and len(node.inputs) == 2:
            for weights in dict.fromkeys(node.inputs):
                try:
                    yield attention_of(graph, node, weights, wanted)
                except UnfitError:
                    continue
                break


def attention_of(
    graph: Graph, product: Node, weights: int, wanted: frozenset[int]
) -> FoundAttention:
    """The attention whose weights a product reads; `wanted` are a graph's outputs.

    Raises `UnfitError`.
    """
    return _Search(graph, product, weights, wanted).found()


@dataclass
class _Search:
    """Goes back from a product, one operand of which may be weights."""

    graph: Graph
    last: Node
    weights: int
    wanted: frozenset[int]
    members: set[int] = field(default_factory=set)
    statistics: set[int] = field(default_factory=set)

    def found(self) -> FoundAttention:
        """The attention.  Raises `UnfitError`."""
        weights = self.member(self.weights, "div")
        powers, total = self.member(weights.inputs[0], "exp"), weights.inputs[1]
        scores, greatest = self.member(powers.inputs[0], "sub").inputs
        need(self.graph[scores].type.size >= MACHINE.gpu_scores)
        columns = self.axis_of(greatest, scores)
        need(is_sum(self.graph, self.before_views(total), powers.id, columns))
        need(self.graph[total].type.shape == kept(self.graph[scores].type.shape, columns))
        formula = self.formula(scores, columns)
        (multiplied,) = formula.products
        product, (q, k) = product_of(self.graph, multiplied, columns, (0, 1))
        rows = row_axis(product, columns)
        op, v = sum_of(self.graph, self.last, self.weights, columns, rows)
        sums = PairSum(op, formula.number(scores), 2)
        made = PairSums(3, (product,), formula.written(), (sums,), columns, softmax=True)
        self.private()
        makes = dict(zip((self.last.id, greatest, total), made.starts, strict=False))
        return FoundAttention(
            FoundSums(made, (q, k, v, *formula.others), makes), self.last, self.weights, greatest,
            total, frozenset(self.members), frozenset(self.statistics), multiplied, v, rows,
            columns,
        )  # fmt: skip

    def member(self, id: int, name: str) -> Node:
        """A node of all pairs, by an elementwise operator of this name."""
        node = self.graph[id]
        need(node.op.name == name and node.type.time is None)
        self.members.add(id)
        return node

    def axis_of(self, id: int, scores: int) -> int:
        """The axis along which a node is the maximum of scores, kept with one number."""
        source = self.before_views(id)
        need(isinstance(source.op, Max) and source.inputs == (scores,))
        assert isinstance(source.op, Max), "it was asked"
        need(len(source.op.axes) == 1)
        (axis,) = source.op.axes
        need(self.graph[id].type.shape == kept(self.graph[scores].type.shape, axis))
        return axis

    def before_views(self, id: int) -> Node:
        """What a node shows in another shape."""
        node = self.graph[id]
        self.statistics.add(id)
        while isinstance(node.op, Reshape) or node.op.name in COPIES:
            node = self.graph[node.inputs[0]]
            self.statistics.add(node.id)
        return node

    def formula(self, scores: int, columns: int) -> PairFormula:
        """How scores are computed of one product."""
        shape = self.graph[scores].type.shape
        formula = PairFormula(self.graph, shape, (columns,))
        formula.add(scores)
        need(len(formula.products) == 1)
        self.members |= {*formula.products}
        for id in formula.steps:
            if not self.members.isdisjoint(self.graph[id].inputs):
                self.members.add(id)
        return formula

    def private(self) -> None:
        """That whatever else is made of scores or weights comes after y, and none of it is wanted.

        Raises `UnfitError`.
        """
        graph, users = self.graph, self.graph.users
        late = {self.last.id}
        for node in graph.nodes[self.last.id :]:
            if not late.isdisjoint(node.inputs):
                late.add(node.id)
        late |= self.members | self.statistics
        shape = graph[self.weights].type.shape
        for node in reversed(graph.nodes):  # numbers of pairs that only the derivative reads
            private = node.id not in self.wanted and late.issuperset(users[node.id])
            if private and isinstance(node.op, Elementwise) and node.type.shape == shape:
                late.add(node.id)
        for id in self.members:
            own = id not in self.wanted and late.issuperset(users[id])
            need(own, "its scores or weights are read elsewhere, or are an output")


def kept(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """A shape with one number along an axis."""
    return (*shape[:axis], 1, *shape[axis + 1 :])


def is_sum(graph: Graph, node: Node, source: int, axis: int) -> bool:
    """Whether a node has the sums of another along an axis."""
    op, shape = node.op, graph[source].type.shape
    if not isinstance(op, Contract) or node.inputs != (source,) or op.mean:
        return False
    loops = loops_of(op.operands[0], op, shape)
    shown = [p.plain for p in op.result if p.terms or p.offset]
    left = [loop for a, loop in enumerate(loops) if a != axis and shape[a] > 1]
    return [loop for loop in shown if loop is None or op.extents[loop] > 1] == left
