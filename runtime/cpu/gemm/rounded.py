"""Products of operands that are rounded to bfloat16 on their way into panels.

    y[row, column] (+)= sum bfloat16(a[row, k1, k2]) * bfloat16(b[k1, k2, column])

The sum is computed piece by piece (`sum_pieces.py`).  For one piece, some hundred rows of a and as
many columns of b are packed: two neighbours along the sum share a word (`pairs.py`), so that a tile
multiplies two terms with one instruction where the processor has it.  Memory holds float32; an
operand is rounded each time it is packed, which takes little time beside its products.  Goto & van
de Geijn, 2008.

A number of y gets its terms in the order of k1, k2, in pairs that begin with each piece; a matrix
unit has an order of its own in each (`matrix_tiles.py`).  How rows and columns are divided changes
no bit of it.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import (
    A_ROW,
    B_COLUMN,
    B_K2,
    LOOPS,
    Y_COLUMN,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS, stack_room, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.target import host, multiplies_tiles
from gradc_runtime.cpu.gemm.matrix_tiles import make_matrix_strips
from gradc_runtime.cpu.gemm.multi_index import copy_words
from gradc_runtime.cpu.gemm.outer_loops import column_strides, product_signature
from gradc_runtime.cpu.gemm.own_geometry import OWN, exchange_operands, exchange_sums, without_loops
from gradc_runtime.cpu.gemm.pack_operands import (
    NUMBER,
    POINTER,
    REAL,
    STRIP,
    make_pack_columns,
    make_pack_lines,
    make_pack_rows,
)
from gradc_runtime.cpu.gemm.pack_tiles import (
    GAP,
    filled,
    make_pack_tile_columns,
    make_pack_tile_rows,
    whole_tiles,
)
from gradc_runtime.cpu.gemm.pairs import WORD
from gradc_runtime.cpu.gemm.strips import make_strip
from gradc_runtime.cpu.gemm.sum_pieces import make_sum_of_pieces
from gradc_runtime.cpu.gemm.tile import Tile

TERMS = IN_PIECE  # in a piece of the sum
PAIRS = TERMS * 2 // 3 + 8  # words of a line at most: with k2 = 3, three terms take two words
ROWS, COLUMNS = MACHINE.rounded_rows, MACHINE.rounded_columns  # that are packed at once


def make_strips() -> Any:
    """strips(left, right, y, h, strides, lines, rows, columns, mode): the product of packed rows
    and packed columns, strip by strip; one vector at a time in the last strip.
    """
    lanes = host().lanes(WORD)
    wide = make_strip(Tile(1, 2, WORD, pairs=True))
    narrow = make_strip(Tile(1, 1, WORD, pairs=True))

    @subroutine(kernel_types.void(POINTER, POINTER, POINTER, NUMBER, WORDS, *[NUMBER] * 4))
    def strips(
        left: Any, right: Any, y: Any, h: Any, strides: Any, lines: Any, m: Any, n: Any, mode: Any
    ) -> None:
        for column in range(0, n, STRIP):
            at = column * (lines + 1)
            if n - column >= STRIP:
                wide(left, 0, right, at, y, h + column, strides, 1, lines, m, STRIP, mode)
                continue
            for c in range(column, n, lanes):
                w, start = min(lanes, n - c), at + c - column
                narrow(left, 0, right, start, y, h + c, strides, 1, lines, m, w, mode)

    return strips


def packing_and_product() -> tuple[Any, Any, Any]:
    """The functions that pack rows and columns, and that of their product, for this processor."""
    lines = make_pack_lines()
    if multiplies_tiles():
        return make_pack_tile_rows(lines), make_pack_tile_columns(lines), make_matrix_strips()
    return make_pack_rows(lines), make_pack_columns(lines), make_strips()


def make_packed_piece() -> Any:
    """The product of so few terms that a packed line has room for them; y contiguous in columns."""
    tiles, (pack_rows, pack_columns, strips) = multiplies_tiles(), packing_and_product()
    left_room = stack_room(REAL, ROWS * (filled(PAIRS) + GAP))
    right_room = stack_room(REAL, COLUMNS * (filled(PAIRS) + 1))

    @subroutine(product_signature(WORD))
    def packed_piece(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, own: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        left, right = left_room(), right_room()
        strides = stack_words(LOOPS)
        strides[Y_ROW], strides[B_K2] = own[Y_ROW], STRIP
        pairs = k1 * ((k2 + 1) // 2)
        lines = whole_tiles(pairs) if tiles else pairs
        for row in range(0, m, ROWS):
            rows, yt = min(ROWS, m - row), h + row * own[Y_ROW]
            pack_rows(left, a, i + row * own[A_ROW], own, k1, k2, rows, strides, right)
            for column in range(0, n, COLUMNS):
                w, bt = min(COLUMNS, n - column), j + column * own[LOOPS + B_COLUMN]
                pack_columns(right, b, bt, own, k1, k2, w, lines)
                strips(left, right, y, yt + column, strides, lines, rows, w, mode)

    return packed_piece


def make_sums() -> Any:
    """sums(a, i, b, j, y, h, own, k1, k2, rows, columns, mode): the whole sum, for y contiguous in
    columns.  A single k2 changes places with k1: pairs are neighbours along k2.
    """
    all_pieces = make_sum_of_pieces(WORD, make_packed_piece(), TERMS)

    @subroutine(product_signature(WORD))
    def sums(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, own: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        if k2 == 1:
            exchange_sums(own)
            k1, k2 = 1, k1
        all_pieces(a, i, b, j, y, h, own, k1, k2, m, n, mode)

    return sums


def rounded_rows() -> Any:
    """The product with b and y contiguous in columns."""
    sums = make_sums()

    @subroutine(product_signature(WORD))
    def product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        own = stack_words(OWN)
        without_loops(geometry, own, 1, 1)
        sums(a, i, b, j, y, h, own, k1, k2, m, n, mode)

    return product


def make_store_tile(width: int) -> Any:
    """store_tile(tile, y, h, own, rows, columns, mode): numbers whose rows are `width` apart, to y
    of any strides.
    """

    @subroutine(kernel_types.void(POINTER, POINTER, NUMBER, WORDS, *[NUMBER] * 3))
    def store_tile(tile: Any, y: Any, h: Any, own: Any, m: Any, n: Any, mode: Any) -> None:
        for r in range(m):
            for c in range(n):
                place = h + r * own[Y_ROW] + c * own[LOOPS + Y_COLUMN]
                value = tile[r * width + c]
                y[place] = value + y[place] if mode & 1 else value

    return store_tile


def make_scattered(sums: Any) -> Any:
    """scattered(a, i, b, j, y, h, own, k1, k2, rows, columns, mode): the whole sum, for y of any
    strides: it is computed in a buffer that is contiguous in columns, and copied from there.
    """
    width = 2 * host().lanes(WORD)
    room, store_tile = stack_room(REAL, ROWS * width), make_store_tile(width)

    @subroutine(product_signature(WORD))
    def scattered(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, own: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        tile, inner = room(), stack_words(OWN)
        for row in range(0, m, ROWS):
            for column in range(0, n, width):
                rows, w = min(ROWS, m - row), min(width, n - column)
                at, bt = i + row * own[A_ROW], j + column * own[LOOPS + B_COLUMN]
                copy_words(own, inner, OWN)
                inner[Y_ROW], inner[LOOPS + Y_COLUMN] = width, 1
                sums(a, at, b, bt, tile, 0, inner, k1, k2, rows, w, mode & -2)
                place = h + row * own[Y_ROW] + column * own[LOOPS + Y_COLUMN]
                store_tile(tile, y, place, own, rows, w, mode)

    return scattered


def rounded_dots() -> Any:
    """The product with columns of any stride.

    Where y is contiguous in rows, it is computed transposed, with a and b exchanged.
    """
    sums = make_sums()
    scattered = make_scattered(sums)

    @subroutine(product_signature(WORD))
    def product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        b_column, y_column = column_strides(geometry)
        own = stack_words(OWN)
        without_loops(geometry, own, b_column, y_column)
        if y_column == 1:
            sums(a, i, b, j, y, h, own, k1, k2, m, n, mode)
        elif geometry[Y_ROW] == 1:
            exchange_operands(own)
            sums(b, j, a, i, y, h, own, k1, k2, n, m, mode)
        else:
            scattered(a, i, b, j, y, h, own, k1, k2, m, n, mode)

    return product
