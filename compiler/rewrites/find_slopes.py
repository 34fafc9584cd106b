"""What the derivative of an attention computes of pairs, where kernels can do that.

    slope of weights    w'[i, j] = sum over e of g[i, e] v[j, e]
    slope of scores     s'[i, j] = (w'[i, j] - d[i]) w[i, j],  d[i] = sum over j of w'[i, j] w[i, j]

Sums over keys of these (the derivative of q) are one operator, sums over queries (those of k and v)
another.  The number d would need all keys before any slope is known; but it is also the sum over e
of g[i, e] y[i, e] (Dao, "FlashAttention-2", 2023), of numbers that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.contract import Contract, Map
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.pair_sums import PairProduct, PairSum, PairSums
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.find_attention import FoundAttention, FoundSums, is_sum, kept
from gradc_compiler.rewrites.pair_formula import (
    PairFormula,
    UnfitError,
    is_product,
    loops_of,
    need,
    product_of,
    sum_of,
)

MOST_SUMS = 2  # that a kernel has


@dataclass(frozen=True)
class RowDot:
    """A node that is the sum over columns of w' w, times what a row's numbers are: by `chain`, from
    the inside out, of operators with another operand, or with none.
    """

    node: int
    slope: int  # the node of g
    axes: tuple[int, ...]  # the loop of y's product that each axis of g is
    chain: tuple[tuple[Elementwise, tuple[int, ...]], ...]


@dataclass(frozen=True)
class FoundSlopes:
    """The operators of an attention's derivative, and the sums of rows that it needs."""

    sums: tuple[FoundSums, ...]
    dots: tuple[RowDot, ...]


def slopes_of(graph: Graph, attention: FoundAttention) -> FoundSlopes | None:
    """The derivative; None where there is none, or none that fits."""
    try:
        return _Slopes(graph, attention).found()
    except UnfitError:
        return None


@dataclass
class _Slopes:
    """Goes on from what has numbers of pairs to all that reads it."""

    graph: Graph
    attention: FoundAttention
    large: set[int] = field(default_factory=set)
    ends: dict[int, int] = field(default_factory=dict)  # the value that each sum adds up
    dots: list[RowDot] = field(default_factory=list)
    slope: int = -1  # the product of g and v

    def found(self) -> FoundSlopes:
        """The operators.  Raises `UnfitError`."""
        attention, graph = self.attention, self.graph
        others = [
            id for id in graph.users[attention.value]
            if is_product(graph[id], self.shape) and id != attention.product
        ]  # fmt: skip
        need(len(others) == 1 and not {*graph.outputs.values()} & {*others})
        self.slope = others[0]
        self.spread([*attention.members, self.slope])
        groups = [self.operator(columns) for columns in (attention.columns, attention.rows)]
        found = tuple(sums for sums in groups if sums is not None)
        need(bool(found))
        return FoundSlopes(found, tuple(self.dots))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what has numbers of pairs."""
        return self.attention.sums.op.shape

    def spread(self, pending: list[int]) -> None:
        """Find all that has numbers of pairs, and what reads it."""
        wanted = {*self.graph.outputs.values()}
        while pending:
            id = pending.pop()
            if id in self.large:
                continue
            self.large.add(id)
            need(id not in wanted)
            for reader in dict.fromkeys(self.graph.users[id]):
                node = self.graph[reader]
                if reader == self.attention.y.id or reader in self.attention.statistics:
                    continue
                if isinstance(node.op, Elementwise) and node.type.shape == self.shape:
                    pending.append(reader)
                elif is_sum(self.graph, node, id, self.attention.columns):
                    self.dots.append(self.dot(node, id))
                else:
                    need(len(node.inputs) == 2 and isinstance(node.op, Contract))
                    self.ends[reader] = id

    def dot(self, node: Node, id: int) -> RowDot:
        """A sum along rows, of w' w and what is the same for a row."""
        columns, chain = self.attention.columns, list[tuple[Elementwise, tuple[int, ...]]]()
        need(node.type.shape == kept(self.shape, columns))
        while {*self.graph[id].inputs} != {self.slope, self.attention.weights}:
            own = self.graph[id]
            need(own.op.name in ("neg", "div", "mul") and isinstance(own.op, Elementwise))
            assert isinstance(own.op, Elementwise), "it was asked"
            for i in own.inputs[1:]:
                shape = self.graph[i].type.shape
                need(len(shape) in (0, len(self.shape)) and (not shape or shape[columns] == 1))
            chain.append((own.op, own.inputs[1:]))
            id = own.inputs[0]
        need(self.graph[id].op.name == "mul")
        return RowDot(node.id, *self.slope_operand(), tuple(reversed(chain)))

    def slope_operand(self) -> tuple[int, tuple[int, ...]]:
        """The node of g, if w' is what y's derivative makes of it; and of each of its axes the loop
        of y's product: all but those of one number, in y's order.  Raises `UnfitError`.
        """
        node, sums = self.graph[self.slope], self.attention.sums.op.sums[0].op
        op, v = node.op, self.attention.value
        assert isinstance(op, Contract), "it was asked"
        first = int(node.inputs[0] == v)
        g, m, of_v = node.inputs[first], op.operands[first], op.operands[1 - first]
        need(node.inputs[1 - first] == v and not op.mean)
        pairs = dict(zip(loops_of(op.result, op, op.shape), _plain(sums.operands[0]), strict=True))
        (term,) = {*range(len(op.extents))} - {*pairs}
        (pairs[term],) = {*_plain(sums.result)} - {*_plain(sums.operands[0])}
        axes = [pairs[n] for n in loops_of(m, op, self.graph[g].type.shape)]
        need(axes == [n for n in _plain(sums.result) if n in axes or sums.extents[n] > 1])
        values = loops_of(of_v, op, self.graph[v].type.shape)
        need([pairs[n] for n in values] == _plain(sums.operands[1]))
        return g, tuple(axes)

    def operator(self, columns: int) -> FoundSums | None:
        """The sums over an axis of pairs, as one operator; None where there are none."""
        ends = [end for end, id in self.ends.items() if self.summed(end, id) == columns]
        if not ends:
            return None
        need(len(ends) <= MOST_SUMS)
        attention, formula = self.attention, self.formula(ends)
        rows = attention.rows if columns == attention.columns else attention.columns
        inputs, products, sums = list[int](), list[PairProduct](), list[PairSum]()
        for id in formula.products:
            numbers = len(inputs), len(inputs) + 1
            product, operands = product_of(self.graph, id, columns, numbers)
            products.append(product)
            inputs += operands
        for end in ends:
            op, factor = sum_of(self.graph, self.graph[end], self.ends[end], columns, rows)
            sums.append(PairSum(op, formula.number(self.ends[end]), len(inputs)))
            inputs.append(factor)
        made = PairSums(
            len(inputs), tuple(products), formula.written(), tuple(sums), columns, softmax=False
        )
        makes = dict(zip(ends, made.starts, strict=False))
        return FoundSums(made, (*inputs, *formula.others), makes)

    def formula(self, ends: Sequence[int]) -> PairFormula:
        """How what some sums add up is computed, of scores and slopes."""
        known = self.attention.product, self.slope
        formula = PairFormula(self.graph, self.shape, (self.attention.columns,))
        formula.products.append(known[0])
        for end in ends:
            formula.add(self.ends[end])
        need({*formula.products} <= {*known})
        return formula

    def summed(self, end: int, id: int) -> int:
        """The axis of pairs that a sum adds up, which is that of queries or of keys."""
        node = self.graph[end]
        op = node.op
        assert isinstance(op, Contract), "it was asked"
        need(node.inputs.count(id) == 1)
        pairs = loops_of(op.operands[node.inputs.index(id)], op, self.shape)
        shown = loops_of(op.result, op, op.shape)
        axes = [axis for axis, loop in enumerate(pairs) if loop not in shown]
        need(len(axes) == 1 and axes[0] in (self.attention.rows, self.attention.columns))
        return axes[0]


def _plain(m: Map) -> list[int]:
    """The loops of a map that has one for each axis."""
    return [p.plain for p in m if p.plain is not None]
