"""Packs the operands of rounded products, whatever their strides are.

A *pair* is a word of two terms (`pairs.py`).  The pairs of a row of a stay side by side if its
terms are contiguous in memory; else the panel has a line for each pair, with the words of all rows.
Columns of b become strips as wide as a tile; in a strip a line has the words of its columns for one
pair.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.kernel_abi import (
    A_K1,
    A_K2,
    A_ROW,
    B_COLUMN,
    B_K1,
    B_K2,
    LOOPS,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.pairs import (
    WORD,
    packing,
    pair_of,
    write_across,
    write_along,
    write_turned,
)

STRIP = 2 * host().lanes(WORD)  # columns of a tile
REAL, NUMBER = number_type(WORD), kernel_types.int64
POINTER = kernel_types.CPointer(REAL)


def make_pack_lines() -> Any:
    """pack_lines(panel, at, x, i, k_step, step, terms, count, width): the p-th pair of x's c-th
    row or column to panel[p width + c].  Terms are `k_step` apart, rows or columns `step`.
    """
    across, turn = packing(write_across), packing(write_turned)

    @subroutine(kernel_types.void(*(POINTER, NUMBER) * 2, *[NUMBER] * 5))
    def pack_lines(
        panel: Any, at: Any, x: Any, i: Any,
        k_step: Any, step: Any, terms: Any, count: Any, width: Any,
    ) -> None:  # fmt: skip
        if step == 1:
            across(panel, at, x, i, k_step, terms, count, width, STRIP)
        elif k_step == 1:
            turn(panel, at, x, i, step, terms, count, width, 0)
        else:
            for p in range((terms + 1) // 2):
                for c in range(count):
                    k = i + 2 * p * k_step + c * step
                    second = x[k + k_step] if 2 * p + 1 < terms else REAL(0.0)
                    panel[at + p * width + c] = pair_of(x[k], second)

    return pack_lines


def make_pack_columns(pack_lines: Any) -> Any:
    """columns(panel, b, j, own, k1, k2, columns, lines): strips of so many lines, and one more.

    If columns are contiguous, all strips are packed at once, line by line: a matrix may be so wide
    that each line of a single strip lies in another page of memory.
    """
    across = packing(write_across)

    @subroutine(kernel_types.void(POINTER, POINTER, NUMBER, WORDS, *[NUMBER] * 4))
    def columns(p: Any, b: Any, j: Any, own: Any, k1: Any, k2: Any, n: Any, lines: Any) -> None:
        pairs, b_column = (k2 + 1) // 2, own[LOOPS + B_COLUMN]
        strip = (lines + 1) * STRIP  # so that no two strips begin at one place of the cache
        for k in range(k1):
            at, start = k * pairs * STRIP, j + k * own[B_K1]
            if b_column == 1:
                across(p, at, b, start, own[B_K2], k2, n, STRIP, strip)
            else:
                for c in range(0, n, STRIP):
                    to, some = at + c // STRIP * strip, min(STRIP, n - c)
                    place = start + c * b_column
                    pack_lines(p, to, b, place, own[B_K2], b_column, k2, some, STRIP)

    return columns


def make_pack_rows(pack_lines: Any) -> Any:
    """pack_rows(panel, a, i, own, k1, k2, rows, strides, spare): rows of a to a panel; a tile finds
    them there by the `strides` of a, which are written down.
    """
    along = packing(write_along)

    @subroutine(kernel_types.void(POINTER, POINTER, NUMBER, WORDS, *[NUMBER] * 3, WORDS, POINTER))
    def pack_rows(
        panel: Any, a: Any, i: Any, own: Any, k1: Any, k2: Any, rows: Any,
        strides: Any, spare: Any,
    ) -> None:  # fmt: skip
        pairs = (k2 + 1) // 2
        by_row = own[A_K2] == 1
        strides[A_ROW], strides[A_K2] = (k1 * pairs, 1) if by_row else (1, rows)
        for k in range(k1):
            at, start = k * pairs * strides[A_K2], i + k * own[A_K1]
            if by_row:
                along(panel, at, a, start, own[A_ROW], k2, rows, strides[A_ROW], 0)
            else:
                pack_lines(panel, at, a, start, own[A_K2], own[A_ROW], k2, rows, rows)

    return pack_rows
