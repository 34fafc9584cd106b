"""A tile whose products tensor cores make (`mma.sync` of PTX), as text.

The 32 threads of a warp multiply together.  An instruction adds the products of 16 rows of a, 8
columns of b, and 8 terms (of bfloat16: 16) to 16 x 8 results, and each thread holds a few numbers
of each: with g = lane / 4 and l = lane % 4, the rows g and g + 8 and the column g, of the terms
those that begin at l (of bfloat16 at 2 l, two by two); of the results, columns 2 l and 2 l + 1 of
the rows g and g + 8.  Such pieces are fragments.  A warp's fragments of rows lie apart, those of
all warps side by side, so that results come to the buffer of `tile_results.py` a fragment of every
warp at a time.

Operands have been rounded when they were written: a word of a TF32 number is multiplied as it is,
and of a bfloat16 number its upper half.

Source: PTX ISA 8, Matrix Fragments for mma.m16n8k8 and mma.m16n8k16.
"""

from __future__ import annotations

from gradc_compiler.printing.tile_plan import OperandReading, Precision, TilePlan
from gradc_compiler.printing.tile_writer import TileWriter, buffer_words, over, row_words
from gradc_compiler.records.fast_dataclass import dataclass

HIGH, WIDE = 16, 8  # rows and columns of an instruction
LANES = 32


@dataclass(frozen=True, slots=True)
class Warp:
    """How the warps of a tile share it: how many stand side by side and one below the other, and
    the fragments that each has of rows and of columns.
    """

    across: int
    down: int
    rows: int
    columns: int

    @property
    def rows_at_once(self) -> int:
        """Rows of the tile in one fragment of every warp."""
        return HIGH * self.down


def warp_of(plan: TilePlan) -> Warp | None:
    """How warps share a tile; None where tensor cores do not multiply."""
    tile = plan.tile
    if plan.precision is Precision.FLOAT32:
        return None
    side = tile.columns // tile.own_columns  # threads, of which a warp has up to 8 side by side
    wide = min(8, side)
    across, high = side // wide, LANES // wide
    columns = wide * tile.own_columns // WIDE
    return Warp(across, tile.threads // LANES // across, high * tile.own_rows // HIGH, columns)


def share_fragments(w: TileWriter, warp: Warp) -> None:
    """The thread's first row is d0, its warp's first column d1; d2 and d3 are g and l."""
    w.line("b0 = t0 >> 5")
    w.line("d2 = whole((t0 & 31) >> 2)")
    w.line("d3 = whole(t0 & 3)")
    w.line(f"d0 = whole(({over('b0', warp.across)}) * {HIGH} + d2)")
    w.line(f"d1 = whole((b0 & {warp.across - 1}) * {WIDE * warp.columns})")


def multiply_fragments(w: TileWriter, warp: Warp) -> str:
    """The products of one step, added to a warp's results."""
    beside = 2 if w.plan.precision is Precision.BF16 else 1
    places, sizes = [], [w.plan.tile.steps, warp.rows, warp.columns]
    gaps = warp.rows_at_once, WIDE
    for operand, first in enumerate(("d0", "(d1 + d2)")):
        words, own = row_words(w, operand), f"q0 * {buffer_words(w, operand)}"
        by_row = w.plan.reads[operand] is OperandReading.FOUR_TERMS
        row, term = (words, 1) if by_row else (1, words)
        places.append(f"s{operand}, {own} + {first} * {row} + d3 * {beside * term}")
        sizes += [term, row, gaps[operand] * row]
    return f"m0 = {w.plan.precision.value}_products(m0, {', '.join([*places, *map(str, sizes)])})"


def keep_fragments(w: TileWriter, warp: Warp, number: int) -> str:
    """A fragment of each warp's rows into the buffer."""
    columns = w.plan.tile.columns
    place = f"d0 * {columns} + d1 + d3 * 2"
    return f"keep_fragments(m0, {number}, s0, {place}, {warp.columns}, {columns})"
