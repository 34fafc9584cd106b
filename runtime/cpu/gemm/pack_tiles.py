"""Packs the operands of rounded products for the matrix unit (`matrix_tiles.py`).

Its tiles are whole: rows are filled up to 16, pairs to a multiple of 16, and columns to a strip,
with zeros.  Each row of a keeps its pairs side by side, whatever a's strides are.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.kernel_abi import A_K1, A_K2, A_ROW
from gradc_runtime.cpu.codegen.intrinsics import WORDS
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.gemm.pack_operands import (
    NUMBER,
    POINTER,
    REAL,
    STRIP,
    make_pack_columns,
)
from gradc_runtime.cpu.gemm.pairs import WORD, packing, write_along
from gradc_runtime.cpu.gemm.transpose import make_square

SIDE = 16  # rows of a tile, and its pairs: words of a row
GAP = SIDE  # words between two rows, so that no two begin at one place of the cache


def filled(count: Any) -> Any:
    """A number of rows or pairs, filled up to whole tiles."""
    return (count + SIDE - 1) // SIDE * SIDE


whole_tiles = subroutine(NUMBER(NUMBER))(filled)


@subroutine(kernel_types.void(POINTER, *[NUMBER] * 2))
def clear(panel: Any, begin: Any, end: Any) -> None:
    """Zeros to panel[begin:end]."""
    for k in range(begin, end):
        panel[k] = REAL(0.0)


@subroutine(kernel_types.void(POINTER, *[NUMBER] * 3))
def clear_edges(panel: Any, pairs: Any, rows: Any, width: Any) -> None:
    """Zeros behind the pairs of each row, and to the rows that the last tile has beside them."""
    for r in range(rows):
        clear(panel, r * width + pairs, r * width + width)
    clear(panel, rows * width, whole_tiles(rows) * width)


def make_turn_panel() -> Any:
    """turn_panel(lines, panel, pairs, rows, width): lines[p rows + r] to panel[r width + p]."""
    turn = make_square(WORD)

    @subroutine(kernel_types.void(POINTER, POINTER, *[NUMBER] * 3))
    def turn_panel(lines: Any, panel: Any, pairs: Any, rows: Any, width: Any) -> None:
        for r in range(0, rows, SIDE):
            for p in range(0, pairs, SIDE):
                high, wide = min(SIDE, rows - r), min(SIDE, pairs - p)
                turn(lines, p * rows + r, panel, r * width + p, rows, width, wide, high, 0)

    return turn_panel


ROWS_TO_PANEL = kernel_types.void(POINTER, POINTER, NUMBER, WORDS, *[NUMBER] * 4, POINTER)


def make_turned_rows(pack_lines: Any) -> Any:
    """turned_rows(panel, a, i, own, k1, k2, rows, width, lines): rows of a whose terms are not
    contiguous, by way of `lines`.
    """
    turn_panel = make_turn_panel()

    @subroutine(ROWS_TO_PANEL)
    def turned_rows(
        panel: Any, a: Any, i: Any, own: Any, k1: Any, k2: Any, rows: Any, width: Any, lines: Any
    ) -> None:
        pairs = (k2 + 1) // 2
        for k in range(k1):
            at, start = k * pairs * rows, i + k * own[A_K1]
            pack_lines(lines, at, a, start, own[A_K2], own[A_ROW], k2, rows, rows)
        turn_panel(lines, panel, k1 * pairs, rows, width)

    return turned_rows


def make_pack_tile_rows(pack_lines: Any) -> Any:
    """pack_rows(panel, a, i, own, k1, k2, rows, strides, lines): rows of a to a panel.

    Where the terms of a row are not contiguous, `lines` has room for all pairs of all rows.
    """
    along, turned_rows = packing(write_along), make_turned_rows(pack_lines)

    @subroutine(kernel_types.void(POINTER, POINTER, NUMBER, WORDS, *[NUMBER] * 3, WORDS, POINTER))
    def pack_rows(
        panel: Any, a: Any, i: Any, own: Any, k1: Any, k2: Any, rows: Any, strides: Any, lines: Any
    ) -> None:
        pairs = (k2 + 1) // 2
        width = whole_tiles(k1 * pairs) + GAP
        strides[A_ROW], strides[A_K2] = width, 1
        if own[A_K2] == 1:
            for k in range(k1):
                along(panel, k * pairs, a, i + k * own[A_K1], own[A_ROW], k2, rows, width, 0)
        else:
            turned_rows(panel, a, i, own, k1, k2, rows, width, lines)
        clear_edges(panel, k1 * pairs, rows, width)

    return pack_rows


def make_pack_tile_columns(pack_lines: Any) -> Any:
    """pack_columns(panel, b, j, own, k1, k2, columns, lines): strips of columns, of so many lines
    each.
    """
    pack_columns = make_pack_columns(pack_lines)

    @subroutine(kernel_types.void(POINTER, POINTER, NUMBER, WORDS, *[NUMBER] * 4))
    def pack_tile_columns(
        panel: Any, b: Any, j: Any, own: Any, k1: Any, k2: Any, n: Any, lines: Any
    ) -> None:
        used, strip = k1 * ((k2 + 1) // 2), (lines + 1) * STRIP
        for c in range(0, n, STRIP):
            start = c // STRIP * strip
            first = used if n - c >= STRIP else 0  # in a strip that is not full, all
            clear(panel, start + first * STRIP, start + lines * STRIP)
        pack_columns(panel, b, j, own, k1, k2, n, lines)

    return pack_tile_columns
