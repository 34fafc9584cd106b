"""Products of large operands: blocks of both are packed, and tiles read them from there.

A tile reads a few rows of a and two vectors of columns of b, term after term.  In a wide matrix the
rows of a tile, or its terms, lie a power of two apart and push one another out of the cache; each
term of a strip may lie in a page of memory of its own.  In a panel they follow one another.  Some
hundred columns of b stay in the second-level cache while all rows pass, and a few rows of a while
all those columns do.  A number of y takes the same terms in the same order whether operands are
packed or not, so packing changes no bit.

Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008.
"""

from __future__ import annotations

from dataclasses import replace
from math import lcm
from typing import Any

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import (
    A_K1,
    A_K2,
    A_ROW,
    B_K1,
    B_K2,
    LOOPS,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS, stack_room, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type, pointer_type
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.copy_lines import make_copy_lines
from gradc_runtime.cpu.gemm.outer_loops import product_signature
from gradc_runtime.cpu.gemm.own_geometry import OWN, exchange_sums, without_loops
from gradc_runtime.cpu.gemm.strips import heights, make_strip
from gradc_runtime.cpu.gemm.tile import Tile

ROWS, COLUMNS, TERMS, NUMBERS, _ = MACHINE.packed_least  # of a product, its sums and its result


@subroutine(kernel_types.int64(WORDS, *[kernel_types.int64] * 4))
def worth_packing(geometry: Any, k1: Any, k2: Any, m: Any, n: Any) -> Any:
    """Whether a product is so large, and one of its strides along a such, that packing pays.

    Rows of y that overlap, as windows do that are added up, would take terms in another order.
    """
    if m < ROWS or n < COLUMNS or k1 * k2 < TERMS or m * n < NUMBERS or geometry[Y_ROW] < n:
        return False
    return geometry[A_K2 if k2 > 1 else A_K1] == 1 or geometry[A_ROW] == 1


def group_of(word: int) -> int:
    """How many rows lie beside one another in a panel: whole vectors, and whole tiles."""
    return lcm(heights(2, False)[0], host().lanes(word))


@subroutine(kernel_types.int64(*[kernel_types.int64] * 3))
def at_once(extent: Any, most: Any, grain: Any) -> Any:
    """How many of the rows or columns to pack at once if there is room for `most`: blocks of about
    one size, and whole groups of `grain`.
    """
    most = max(most - most % grain, grain)
    parts = (extent + most - 1) // most
    return ((extent + parts - 1) // parts + grain - 1) // grain * grain


@subroutine(kernel_types.int64(WORDS, WORDS, *[kernel_types.int64] * 3))
def set_strides(geometry: Any, strides: Any, line: Any, group: Any, width: Any) -> Any:
    """Write down how a tile reads panels; returns whether rows are in a `group`, side by side, or
    `line` words apart.
    """
    grouped = geometry[A_ROW] == 1
    strides[A_ROW] = 1 if grouped else line
    strides[A_K2] = group if grouped else 1
    strides[Y_ROW], strides[B_K2] = geometry[Y_ROW], width
    return grouped


def make_copy_rows(word: int) -> Any:
    """copy_rows(panel, a, i, geometry, k1, k2, rows): rows of a to a panel.

    Rows whose terms follow one another stay rows, a vector further apart than they are long.  Else
    the panel has groups of rows, with a line for each term.
    """
    lanes, group = host().lanes(word), group_of(word)
    pointer, number = pointer_type(word), kernel_types.int64
    along, across = make_copy_lines(word, 0), make_copy_lines(word, group // lanes)

    @subroutine(kernel_types.void(pointer, pointer, number, WORDS, *[number] * 3))
    def copy_rows(panel: Any, a: Any, i: Any, geometry: Any, k1: Any, k2: Any, rows: Any) -> None:
        terms, step = k1 * k2, geometry[A_ROW]
        for k in range(k1):
            start = i + k * geometry[A_K1]
            if step == 1:
                to, apart = k * k2 * group, terms * group
                across(panel, to, a, start, geometry[A_K2], k2, rows, group, apart)
            else:
                along(panel, k * k2, a, start, step, rows, k2, terms + lanes, 0)

    return copy_rows


def make_pack_columns(word: int) -> Any:
    """pack_columns(panel, b, j, geometry, k1, k2, columns): columns that follow one another, to
    strips with a line for each term.
    """
    across, width = make_copy_lines(word, 2), 2 * host().lanes(word)
    pointer, number = pointer_type(word), kernel_types.int64

    @subroutine(kernel_types.void(pointer, pointer, number, WORDS, *[number] * 3))
    def pack_columns(panel: Any, b: Any, j: Any, geometry: Any, k1: Any, k2: Any, n: Any) -> None:
        apart = k1 * k2 * width
        for k in range(k1):
            start = j + k * geometry[B_K1]
            across(panel, k * k2 * width, b, start, geometry[B_K2], k2, n, width, apart)

    return pack_columns


def make_strips(kind: Tile) -> Any:
    """strips(left, right, y, h, strides, terms, together, rows, columns, mode): the product of rows
    and columns that are packed, strip by strip.
    """
    pointer, number = pointer_type(kind.word), kernel_types.int64
    width, strip = 2 * host().lanes(kind.word), make_strip(replace(kind, vectors=2))

    @subroutine(kernel_types.void(pointer, pointer, pointer, number, WORDS, *[number] * 5))
    def strips(
        left: Any, right: Any, y: Any, h: Any, strides: Any,
        terms: Any, together: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        for column in range(0, n, width):
            at = column * terms
            for row in range(0, m, together):
                rows, yt = min(together, m - row), h + row * strides[Y_ROW] + column
                strip(left, row * terms, right, at, y, yt, strides, 1, terms, rows, width, mode)

    return strips


def make_row_blocks(kind: Tile) -> Any:
    """row_blocks(a, i, panel, 0, y, h, geometry, k1, k2, rows, columns, mode): all rows of columns
    that are packed.
    """
    word, lanes, group = kind.word, host().lanes(kind.word), group_of(kind.word)
    words = MACHINE.packed_words[0] * MACHINE.word_bytes // word
    room = stack_room(number_type(word), words + group * (IN_PIECE + lanes))
    copy_rows, strips, width = make_copy_rows(word), make_strips(kind), 2 * lanes

    @subroutine(product_signature(word))
    def row_blocks(
        a: Any, i: Any, panel: Any, start: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        left, strides, terms = room(), stack_words(LOOPS), k1 * k2
        height = at_once(m, words // (terms + lanes), group)
        grouped = set_strides(geometry, strides, terms + lanes, group, width)
        together = group if grouped else m
        for row in range(0, m, height):
            rows, place = min(height, m - row), h + row * geometry[Y_ROW]
            copy_rows(left, a, i + row * geometry[A_ROW], geometry, k1, k2, rows)
            strips(left, panel, y, place, strides, terms, together, rows, n, mode)

    return row_blocks


def make_blocks(kind: Tile) -> Any:
    """The product of whole strips of columns, block by block, for one piece of the sum."""
    word, width = kind.word, 2 * host().lanes(kind.word)
    words = MACHINE.packed_words[1] * MACHINE.word_bytes // word
    room = stack_room(number_type(word), words)
    pack_columns, row_blocks = make_pack_columns(word), make_row_blocks(kind)

    @subroutine(product_signature(word))
    def blocks(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        panel, some = room(), at_once(n, words // (k1 * k2), width)
        for column in range(0, n, some):
            w = min(some, n - column)
            pack_columns(panel, b, j + column, geometry, k1, k2, w)
            row_blocks(a, i, panel, 0, y, h + column, geometry, k1, k2, m, w, mode)

    return blocks


def make_packed_rows(kind: Tile) -> Any:
    """A piece of a product whose b and y are contiguous in columns, packed; a single k2 changes
    places with k1, as copies go along k2.
    """
    blocks = make_blocks(kind)

    @subroutine(product_signature(kind.word))
    def packed_rows(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        own = stack_words(OWN)
        without_loops(geometry, own, 1, 1)
        if k2 == 1:
            exchange_sums(own)
            k1, k2 = 1, k1
        blocks(a, i, b, j, y, h, own, k1, k2, m, n, mode)

    return packed_rows
