"""By how many words each loop of pairs moves what their kernel reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from gradc_compiler.loops.ir import MemAccess
from gradc_compiler.memory.layout import BufferView, row_major, through
from gradc_compiler.ops.contract import Contract, Map
from gradc_compiler.ops.pair_sums import PairSums
from gradc_compiler.printing.attention_plan import PairDim
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class WalkedMatrix:
    """By how many words each loop of a product moves an operand, and the loop of each axis of
    pairs.
    """

    moves: Sequence[int]
    loops: Sequence[int]
    example: int


@dataclass(frozen=True)
class PairMoves:
    """An operator on pairs whose matrices, and whose result, lie at certain places; of what
    formulas read besides only what comes from memory, with its shape.
    """

    op: PairSums
    given: Sequence[BufferView]
    others: Sequence[tuple[BufferView, tuple[int, ...]]]
    result: BufferView

    def examples(self) -> PairDim:
        """The loop over examples."""
        own = [matrix.example for matrix in self.matrices]
        others = [place.example for place, _ in self.others]
        return PairDim(None, (*own, self.result.example, *others))

    def axis(self, axis: int) -> PairDim:
        """The loop along an axis of pairs."""
        op, shape = self.op, self.op.shape
        kept = [1 if a == op.columns else n for a, n in enumerate(shape)]
        of_rows = 0 if axis == op.columns else row_major(kept)[axis]
        own = [matrix.moves[matrix.loops[axis]] for matrix in self.matrices]
        others = (_broadcast(place, like, shape, axis) for place, like in self.others)
        return PairDim(shape[axis], (*own, of_rows, *others))

    def terms(self, number: int) -> PairDim:
        """The loop that a product is summed over."""
        product = self.op.products[number]
        (loop,) = _left(product.op, product.op.result)
        return self.alone(product.op, loop, (product.rows, product.columns))

    def wide(self, number: int) -> PairDim:
        """The loop of a sum along what pairs' numbers are multiplied by."""
        own = self.op.sums[number]
        (loop,) = _left(own.op, own.op.operands[0])
        return self.alone(own.op, loop, (own.factor, self.op.matrices + number))

    def alone(self, op: Contract, loop: int, moved: Sequence[int]) -> PairDim:
        """A loop that moves some matrices only."""
        own = [matrix.moves[loop] if k in moved else 0 for k, matrix in enumerate(self.matrices)]
        return PairDim(op.extents[loop], (*own, *[0] * (1 + len(self.others))))

    def accesses(self) -> list[MemAccess]:
        """Where what formulas read besides begins."""
        return [
            MemAccess(storage=place.storage, offset=place.offset, moves=(), index=place.index)
            for place, _ in self.others
        ]

    @cached_property
    def matrices(self) -> list[WalkedMatrix]:
        """All matrices by number, and then the results of sums."""
        return [*map(self._matrix, range(self.op.matrices)), *self._results()]

    def _matrix(self, number: int) -> WalkedMatrix:
        """A matrix by the one product or sum that reads it."""
        for product in self.op.products:
            if number in (product.rows, product.columns):
                m = product.op.operands[number == product.columns]
                return self._walked(product.op, m, self.given[number], product.op.result)
        (own,) = (own for own in self.op.sums if own.factor == number)
        return self._walked(own.op, own.op.operands[1], self.given[number], own.op.operands[0])

    def _results(self) -> Iterator[WalkedMatrix]:
        for own in self.op.sums:
            view = BufferView(
                storage=self.result.storage, offset=0, strides=row_major(own.op.shape),
                example=self.result.example,
            )  # fmt: skip
            yield self._walked(own.op, own.op.result, view, own.op.operands[0])

    @staticmethod
    def _walked(op: Contract, m: Map, place: BufferView, pairs: Map) -> WalkedMatrix:
        loops = [p.plain for p in pairs if p.plain is not None]
        return WalkedMatrix(through(m, place, len(op.extents))[0], loops, place.example)


def _left(op: Contract, m: Map) -> set[int]:
    """The loops that a map does not have."""
    return {loop for loop in range(len(op.extents)) if loop not in {p.plain for p in m}}


def _broadcast(place: BufferView, own: tuple[int, ...], shape: tuple[int, ...], axis: int) -> int:
    """The words by which an axis of pairs moves a value, by NumPy's rule."""
    below = axis - (len(shape) - len(own))
    return place.strides[below] if below >= 0 and own[below] > 1 else 0
