"""The macro-kernel: covers all rows and columns of a product with tiles of the micro-kernel.

The sum is cut into pieces (`sum_pieces.py`), so that what a strip of columns reads of b for one
piece stays in the nearest cache while all rows are multiplied with it.  Columns are cut into strips
two vectors wide, and a strip one vector wide at the end (`strips.py`).  Where rows and columns are
many, blocks of both operands are packed first (`packed_blocks.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import A_ROW, B_K1, B_K2, LOOPS, Y_ROW
from gradc_runtime.cpu.codegen.intrinsics import WORDS, stack_room, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type, pointer_type
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.micro_kernel import make_first_tile, make_tile
from gradc_runtime.cpu.gemm.multi_index import copy_words
from gradc_runtime.cpu.gemm.outer_loops import contraction_kernel, product_signature
from gradc_runtime.cpu.gemm.packed_blocks import make_packed_rows, worth_packing
from gradc_runtime.cpu.gemm.rank1 import write_outer_product
from gradc_runtime.cpu.gemm.strips import heights, make_strip
from gradc_runtime.cpu.gemm.sum_pieces import make_sum_of_pieces
from gradc_runtime.cpu.gemm.tile import Tile

TERMS = IN_PIECE  # in a piece of the sum
FLAT = MACHINE.flat_tile  # vectors of a tile that is a single row
WORTH_PACKING = MACHINE.packed_rows  # rows for which a strip of b is copied


def make_first_rows(kind: Tile) -> Any:
    """first_rows(a, i, b, j, y, h, geometry, k1, k2, columns, mode, panel, strides): the first rows
    of a strip; their tile copies what it reads of b to a panel, for the rows after them.

    `strides` becomes the geometry with that panel as b.
    """
    width, tall = 2 * host().lanes(kind.word), heights(2, kind.lanewise)[0]
    first_tile = make_first_tile(replace(kind, rows=tall, copies=True))
    pointer, number = pointer_type(kind.word), kernel_types.int64

    @subroutine(kernel_types.void(*(pointer, number) * 3, WORDS, *[number] * 4, pointer, WORDS))
    def first_rows(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, columns: Any, mode: Any, panel: Any, strides: Any,
    ) -> None:  # fmt: skip
        first_tile(a, i, b, j, y, h, geometry, k1, k2, tall, columns, mode, panel)
        copy_words(geometry, strides, LOOPS)
        strides[B_K1], strides[B_K2] = k2 * width, width

    return first_rows


def make_wide_strip(kind: Tile) -> Any:
    """The function that covers a strip two vectors wide; if many rows read it, b is copied first.

    In a wide matrix the vectors of a strip lie so far apart that they push one another out of the
    cache.  A copy, in which they follow one another, changes no bit of the result.
    """
    width, tall = 2 * host().lanes(kind.word), heights(2, kind.lanewise)[0]
    room = stack_room(number_type(kind.word), TERMS * width)
    first_rows, strip = make_first_rows(kind), make_strip(kind)

    @subroutine(product_signature(kind.word))
    def wide_strip(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, columns: Any, mode: Any,
    ) -> None:  # fmt: skip
        if m >= WORTH_PACKING and geometry[B_K2] >= 4 * width:
            panel, strides = room(), stack_words(LOOPS)
            first_rows(a, i, b, j, y, h, geometry, k1, k2, columns, mode, panel, strides)
            i += tall * geometry[A_ROW]
            h += tall * geometry[Y_ROW]
            m -= tall
            b, j, geometry = panel, 0, strides
        strip(a, i, b, j, y, h, geometry, k1, k2, m, columns, mode)

    return wide_strip


def make_columns(kind: Tile) -> Any:
    """The function that covers the next of the columns that are left, and gives their number."""
    lanes, pointer, number = host().lanes(kind.word), pointer_type(kind.word), kernel_types.int64
    wide, narrow = replace(kind, vectors=2), replace(kind, vectors=1)
    wide_strip, narrow_strip = make_wide_strip(wide), make_strip(narrow)
    flat_tile = make_tile(replace(kind, rows=1, vectors=FLAT))

    @subroutine(number(*(pointer, number) * 3, WORDS, *[number] * 5))
    def next_columns(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> Any:  # fmt: skip
        w = FLAT * lanes
        if m == 1 and n >= w:
            flat_tile(a, i, b, j, y, h, geometry, k1, k2, m, w, mode)
            return w
        w = min(n, 2 * lanes if n >= 2 * lanes else lanes)
        if w > lanes:
            wide_strip(a, i, b, j, y, h, geometry, k1, k2, m, w, mode)
        else:
            narrow_strip(a, i, b, j, y, h, geometry, k1, k2, m, w, mode)
        return w

    return next_columns


def make_piece(kind: Tile) -> Any:
    """The function that covers all columns, for one piece of the sum."""
    next_columns, a_column = make_columns(kind), int(kind.lanewise)

    @subroutine(product_signature(kind.word))
    def piece(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        while n > 0:
            w = next_columns(a, i, b, j, y, h, geometry, k1, k2, m, n, mode)
            i += w * a_column
            j += w
            h += w
            n -= w

    return piece


def make_either_piece(kind: Tile) -> Any:
    """The function for one piece of the sum, which packs the operands where that is worth it; the
    columns after the last whole strip are multiplied as they are.
    """
    width = 2 * host().lanes(kind.word)
    piece, packed_piece = make_piece(kind), make_packed_rows(kind)

    @subroutine(product_signature(kind.word))
    def either_piece(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        if worth_packing(geometry, k1, k2, m, n):
            w = n - n % width
            packed_piece(a, i, b, j, y, h, geometry, k1, k2, m, w, mode)
            j, h, n = j + w, h + w, n - w
        piece(a, i, b, j, y, h, geometry, k1, k2, m, n, mode)

    return either_piece


def tiled_kernel(kind: Tile, loops: Any) -> Any:
    """The kernel `contract_rows`, of a kind of tile; `contract_lanes`, if the tile is lanewise.

    `loops` makes the outer loops that go around a product.
    """
    word, a_column = kind.word, int(kind.lanewise)
    plain = not kind.lanewise and not kind.rounds
    piece = make_piece(kind) if not plain else make_either_piece(kind)
    whole_sum = make_sum_of_pieces(word, piece, TERMS)
    outer_product = make_tile(Tile(1, 4, word), write_outer_product)

    @subroutine(product_signature(word))
    def product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        if plain and k1 * k2 == 1 and mode & 1 == 0:
            outer_product(a, i, b, j, y, h, geometry, k1, k2, m, n, mode)
        else:
            whole_sum(a, i, b, j, y, h, geometry, k1, k2, m, n, mode)

    return contraction_kernel(word, loops(word, product, a_column), a_column)
