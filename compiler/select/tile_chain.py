"""Instructions that run tile by tile with the one before them, while a tile is in the cache.

    a product, then what reads it: rows 0 to 83 of both, rows 84 to 167 of both, ...

So the first instruction computes a later tile after the others have run on an earlier one (Halide's
compute_at).  The result is the same only if no instruction writes a word that another one uses in a
different tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.fusion.stages import Stage
from gradc_compiler.program.entry import Operand
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TileUse:
    """An operand, and by how many words it moves from one number of the result to the next; None if
    any tile may read all of it.
    """

    operand: Operand
    move: int | None
    written: bool = False

    def goes_with(self, other: TileUse) -> bool:
        """Whether two uses allow tiles of the two instructions to take turns."""
        one, two = self.operand, other.operand
        apart = (one.space, one.offset) != (two.space, two.offset)
        if apart or not (self.written or other.written):
            return True
        return self.move == other.move == 1 and one.inner == two.inner


@dataclass(frozen=True, slots=True)
class TileChain:
    """The instructions that run tile by tile so far; the first of them writes so many words in
    order.
    """

    phase: Stage
    words: int
    uses: tuple[TileUse, ...]

    def admits(self, phase: Stage, extent: int, uses: Sequence[TileUse]) -> bool:
        """Whether a loop over `extent` numbers may run tile by tile with these."""
        if self.phase != phase or extent != self.words:
            return False
        in_order = all(use.move in (0, 1) for use in uses)
        return in_order and all(use.goes_with(earlier) for use in uses for earlier in self.uses)

    def extended(self, uses: Sequence[TileUse]) -> TileChain:
        """The chain with one more instruction."""
        return replace(self, uses=(*self.uses, *uses))
