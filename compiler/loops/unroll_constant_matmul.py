"""Contractions with a small constant matrix, written out as sums of a few vectors.

    y[.., i, ..] = sum over j of matrix[i, j] * x[.., j, ..]

The matrix is a literal of few numbers, many of them 0 or 1.  A kernel reads every x[j] once, and
computes all y[i] of it; the other loops go over whole rows and fill vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gradc_compiler.fusion.stages import Region
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Apply,
    LoopNest,
    MemAccess,
    Scalar,
    ScalarConstant,
    Statement,
    Store,
    Variable,
)
from gradc_compiler.loops.scalar_code import IterationSpace
from gradc_compiler.memory.layout import BufferView
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Literal


def written_out_nest(
    graph: Graph, node: Node, places: Mapping[int, BufferView], region: Region
) -> LoopNest:
    """The loops of such a node without those over i and j; the sums over j are statements."""
    op, (source, matrix) = node.op, node.inputs
    literal = graph[matrix].op
    assert isinstance(op, Contract) and isinstance(literal, Literal), "see has_small_matrix"
    i, j = (p.plain for p in op.operands[1])
    assert i is not None and j is not None, "see has_small_matrix"
    first = int(region.phase.examples)
    shape = graph[source].type.shape
    x = IterationSpace(shape, op.extents, op.operands[0], region).access(places[source], shape)
    y = IterationSpace(op.shape, op.extents, op.result, region).access(places[node.id], op.shape)
    columns = op.extents[j]
    rows = [literal.values[at : at + columns] for at in range(0, len(literal.values), columns)]
    sums = _Sums(columns)
    stores = [(sums.of(row), _moved(y, first, i, j, i, k), Store.SET) for k, row in enumerate(rows)]
    loops = IterationSpace(shape, op.extents, op.operands[0], region).loops()
    return LoopNest(
        loops=tuple(loop for k, loop in enumerate(loops) if k - first not in (i, j)),
        loads=tuple((_real(k), _moved(x, first, i, j, j, k)) for k in range(columns)),
        statements=tuple(sums.statements),
        stores=tuple(stores),
    )


def _moved(access: MemAccess, first: int, i: int, j: int, loop: int, count: int) -> MemAccess:
    """A place without the loops i and j, after so many steps of one of them."""
    kept = tuple(m for k, m in enumerate(access.moves) if k - first not in (i, j))
    offset = access.offset + count * access.moves[first + loop]
    return replace(access, offset=offset, moves=kept)


def _real(number: int) -> Variable:
    return Variable(Kind.REAL, number)


class _Sums:
    """Statements that add up multiples of the variables v0, v1, ..."""

    def __init__(self, variables: int) -> None:
        self.statements: list[Statement] = []
        self._count = variables
        self._products: dict[tuple[float, int], Variable] = {}

    def of(self, row: Sequence[float]) -> Variable:
        """The variable that holds the sum; products that differ in sign are shared."""
        terms = sorted(((c, k) for k, c in enumerate(row) if c), key=lambda term: -term[0])
        (c, k), *others = terms
        total = self._product(c, k)
        for c, k in others:
            sign = "+" if c > 0 else "-"
            total = self._new(Apply(sign, (total, self._product(abs(c), k))))
        return total

    def _product(self, c: float, k: int) -> Variable:
        if c == 1:
            return _real(k)
        if (c, k) not in self._products:
            number = ScalarConstant(c, Kind.REAL)
            self._products[c, k] = self._new(Apply("*", (number, _real(k))))
        return self._products[c, k]

    def _new(self, value: Scalar) -> Variable:
        name, self._count = _real(self._count), self._count + 1
        self.statements.append(Statement(name, value))
        return name
