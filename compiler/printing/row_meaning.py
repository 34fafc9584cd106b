"""What a kernel along an axis means, as a loop nest: loops over rows, and one along a row.

The text of such a kernel is written by hand (`row_kernels.py`), since what it does to an element
depends on others; the nest says the same for readers, for tests, and for any other implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Literal

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Indirect, LoopNest, MemAccess, NestLoop, Store, Variable
from gradc_compiler.memory.layout import BufferView
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.records.fast_dataclass import dataclass

NUMBER, VALUE = Variable(Kind.INDEX, 0), Variable(Kind.REAL, 1)


@dataclass(frozen=True, kw_only=True)
class RowMeaning:
    """What a kernel does along a row, as the store of a nest.

    The loop along a row has as many iterations as the last operand has elements, less `fewer`.  It
    begins at a given element of x and of y, or runs from the end down.  If there is an index, x is
    read, or y is written (`at`), at the place that the index gives.
    """

    store: Store
    first: tuple[int, int] = (0, 0)
    fewer: int = 0
    backwards: bool = False
    at: Literal["x", "y"] | None = None
    zeroed: bool = False


@dataclass(frozen=True)
class Rows:
    """The rows of operands and of a result, along an axis of all of them."""

    places: Sequence[BufferView]
    shapes: Sequence[tuple[int, ...]]
    axis: int
    examples: bool
    meaning: RowMeaning

    @property
    def step(self) -> int:
        """Words from an element of a row to the next."""
        return prod(self.shapes[0][self.axis + 1 :])

    @property
    def along(self) -> int:
        """Elements of a row that are gone over."""
        return self.shapes[-2][self.axis] - self.meaning.fewer

    def nest(self) -> LoopNest:
        """The nest."""
        means, outer = self.meaning, prod(self.shapes[0][: self.axis])
        each = (Extent.RANGE,) if self.examples else ()
        index = ((NUMBER, self.access(1, 0, moves=True)),) if means.at else ()
        x = self.access(0, means.first[0], moves=means.at != "x")
        y = self.access(len(self.places) - 1, means.first[1], moves=means.at != "y")
        stores = [(VALUE, y, means.store)]
        if means.store is Store.PAIR:
            lost = y.offset + outer * self.step * self.shapes[-1][self.axis]
            stores.insert(0, (VALUE, replace(y, offset=lost), Store.LOST))
        return LoopNest(
            loops=tuple(NestLoop(extent=n) for n in (*each, outer, self.step, self.along)),
            loads=(*index, (VALUE, x)),
            statements=(),
            stores=tuple(stores),
            zeroed=means.zeroed,
        )

    def access(self, number: int, first: int, *, moves: bool) -> MemAccess:
        """An operand from its element `first` on: the loop along moves it, or the index says."""
        view, length, backwards = self.places[number], self.shapes[number], self.meaning.backwards
        start = self.along - 1 if backwards else first
        own = (view.example,) if self.examples else ()
        way = -self.step if backwards else self.step
        row = length[self.axis] * self.step
        return MemAccess(
            storage=view.storage,
            offset=view.offset + start * self.step,
            moves=(*own, row, 1, way if moves else 0),
            index=view.index,
            at=None if moves else Indirect(NUMBER, self.step, length[self.axis]),
        )
