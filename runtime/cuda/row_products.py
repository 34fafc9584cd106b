"""Products of a row in memory with columns in shared memory, as an intrinsic of LLVM.

They are written out, like those of a tile: as a loop in the text, each term would cost more to
count than to multiply.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.numba_intrinsics import cgutils, intrinsic
from gradc_runtime.cuda.tile_products import Pointer, address, four_of, multiplied, numbers


@dataclass(frozen=True, slots=True)
class RowTerms:
    """So many terms: `along` words from one to the next in the row, `columns` in the matrix, of
    which a thread has `each` side by side.  Of a row in `fours` four terms are read at once.
    """

    along: int
    columns: int
    terms: int
    each: int
    fours: int

    def code(self, context: Any, builder: Any, sig: Any, args: Any) -> Any:
        """Of `row_products`."""
        word = context.get_value_type(sig.args[0].dtype)
        sums = [builder.extract_value(args[0], k) for k in range(self.each)]

        def pointer_of(operand: int) -> Pointer:
            def pointer(further: int) -> Any:
                place = builder.add(args[operand + 1], args[operand + 1].type(further))
                return address(context, builder, sig.args[operand], args[operand], place)

            return pointer

        row, matrix = pointer_of(1), pointer_of(3)
        for term, x in enumerate(self._row(builder, row, word)):
            own = self._columns(builder, matrix, word, term * self.columns)
            multiplied(builder, word, sums, [x], own)
        return cgutils.pack_array(builder, sums)

    def _row(self, builder: Any, row: Pointer, word: Any) -> list[Any]:
        if not self.fours:
            return [builder.load(row(k * self.along)) for k in range(self.terms)]
        many = self.terms // 4 * 4
        found = [x for k in range(0, many, 4) for x in four_of(builder, row, word, k)]
        return found + [builder.load(row(k)) for k in range(many, self.terms)]

    def _columns(self, builder: Any, matrix: Pointer, word: Any, first: int) -> list[Any]:
        if self.each % 4:
            return [builder.load(matrix(first + k)) for k in range(self.each)]
        places = range(first, first + self.each, 4)
        return [x for place in places for x in four_of(builder, matrix, word, place)]


@intrinsic
def row_products(
    typing: Any, acc: Any, memory: Any, row: Any, matrix: Any, place: Any, along: Any, columns: Any,
    terms: Any, each: Any, fours: Any,
) -> Any:  # fmt: skip
    """acc[j] + sum over k of row[k] * matrix[k, j], one term after another; for the sizes see
    `RowTerms`.
    """
    sizes = along, columns, terms, each, fours
    known = numbers(*sizes)
    if known is None:
        return None
    return acc(acc, memory, row, matrix, place, *sizes), RowTerms(*known).code
