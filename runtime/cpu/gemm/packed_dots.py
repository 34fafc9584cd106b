"""Products of large operands with a transposed matrix: rows of a and panels of b are packed.

`packing.py` turns a few columns of b and multiplies all rows of a with them, so the rows come from
memory again for every panel, and those of a wide matrix push one another out of the cache.  Here
some hundred columns are turned first; they stay in the second-level cache while all rows pass, a
copied block of rows at a time.  Each number of y takes the same terms in the same order in both, so
packing changes no bit.

Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import A_K2, A_ROW, B_K2, LOOPS, Y_ROW
from gradc_runtime.cpu.codegen.intrinsics import WORDS, stack_room, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type, pointer_type
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.copy_lines import make_copy_lines
from gradc_runtime.cpu.gemm.outer_loops import column_strides, product_signature
from gradc_runtime.cpu.gemm.packed_blocks import at_once, group_of
from gradc_runtime.cpu.gemm.packing import TERMS, make_panel, make_turn_in, make_turn_out
from gradc_runtime.cpu.gemm.strips import make_strip
from gradc_runtime.cpu.gemm.tile import Tile

ROWS, _, SHORTEST, NUMBERS, COLUMNS = MACHINE.packed_least


@subroutine(kernel_types.int64(*[kernel_types.int64] * 4))
def worth_packing(y_column: Any, terms: Any, m: Any, n: Any) -> Any:
    """Whether a product is so large that packing its rows pays.

    Columns of y that overlap, as windows do that are added up, would take terms in another order.
    """
    return m >= ROWS and n >= COLUMNS and terms >= SHORTEST and m * n >= NUMBERS and y_column >= m


def make_tiles(word: int) -> Any:
    """tiles(left, panel, at, y, h, y_column, terms, rows, columns, mode): packed rows times packed
    columns, a few rows by two vectors of columns at a time.
    """
    pointer, number = pointer_type(word), kernel_types.int64
    width, group, lanes = 2 * host().lanes(word), group_of(word), host().lanes(word)
    strip, turn_out = make_strip(Tile(1, 2, word)), make_turn_out(word)
    sums_room = stack_room(number_type(word), group * width)

    @subroutine(kernel_types.void(pointer, pointer, pointer, *[number] * 6))
    def tiles(
        left: Any, right: Any, y: Any, h: Any, y_column: Any, terms: Any, m: Any, n: Any, mode: Any
    ) -> None:
        sums, strides, apart = sums_room(), stack_words(LOOPS), terms + lanes
        strides[A_ROW], strides[A_K2], strides[Y_ROW], strides[B_K2] = apart, 1, width, width
        for row in range(0, m, group):
            rows, start = min(group, m - row), row * apart
            for column in range(0, n, width):
                at, place = column * terms, h + row + column * y_column
                strip(left, start, right, at, sums, 0, strides, 1, terms, rows, width, mode & -2)
                turn_out(sums, y, place, y_column, rows, width, mode)

    return tiles


def make_row_blocks(word: int) -> Any:
    """row_blocks(a, i, panel, y, h, a_row, y_column, terms, rows, columns, mode): all rows of
    columns that are packed, a copied block of rows at a time.
    """
    pointer, number = pointer_type(word), kernel_types.int64
    lanes, group = host().lanes(word), group_of(word)
    words = MACHINE.packed_words[0] * MACHINE.word_bytes // word
    room = stack_room(number_type(word), words + group * (TERMS + lanes))
    along, tiles = make_copy_lines(word, 0), make_tiles(word)

    @subroutine(kernel_types.void(pointer, number, pointer, pointer, *[number] * 7))
    def row_blocks(
        a: Any, i: Any, panel: Any, y: Any, h: Any, a_row: Any, y_column: Any,
        terms: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        left = room()
        height = at_once(m, words // (terms + lanes), group)
        for row in range(0, m, height):
            rows = min(height, m - row)
            along(left, 0, a, i + row * a_row, a_row, rows, terms, terms + lanes, 0)
            tiles(left, panel, y, h + row, y_column, terms, rows, n, mode)

    return row_blocks


def make_turn_all(word: int) -> Any:
    """turn_all(panel, b, j, stride, terms, columns): panels of two vectors of columns each."""
    turn_in, width = make_turn_in(word), 2 * host().lanes(word)
    pointer, number = pointer_type(word), kernel_types.int64

    @subroutine(kernel_types.void(pointer, pointer, *[number] * 4))
    def turn_all(panel: Any, b: Any, j: Any, stride: Any, terms: Any, n: Any) -> None:
        for column in range(0, n, width):
            turn_in(panel, column * terms, b, j + column * stride, stride, terms, width)

    return turn_all


def make_packed_dots(word: int) -> Any:
    """packed_dots(a, i, b, j, y, h, geometry, terms, rows, columns, mode): a piece of the sum, for
    columns that fill pairs of vectors.
    """
    pointer, number, width = pointer_type(word), kernel_types.int64, 2 * host().lanes(word)
    words = MACHINE.packed_words[1] * MACHINE.word_bytes // word
    room = stack_room(number_type(word), words)
    turn_all, row_blocks = make_turn_all(word), make_row_blocks(word)

    @subroutine(kernel_types.void(*(pointer, number) * 3, WORDS, *[number] * 4))
    def packed_dots(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        terms: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        panel, some = room(), at_once(n, words // terms, width)
        b_column, y_column = column_strides(geometry)
        for column in range(0, n, some):
            columns, place = min(some, n - column), h + column * y_column
            turn_all(panel, b, j + column * b_column, b_column, terms, columns)
            row_blocks(a, i, panel, y, place, geometry[A_ROW], y_column, terms, m, columns, mode)

    return packed_dots


def make_either(word: int, rounds: bool) -> Any:
    """either(a, i, b, j, y, h, geometry, 1, terms, rows, columns, mode): a piece of the sum, packed
    where that is worth it.
    """
    width, panel, packed = 2 * host().lanes(word), make_panel(word, rounds), make_packed_dots(word)

    @subroutine(product_signature(word))
    def either(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, terms: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        b_column, y_column = column_strides(geometry)
        large = 0 if rounds else worth_packing(y_column, terms, m, n)
        whole = n - n % width if large else 0
        if whole > 0:
            packed(a, i, b, j, y, h, geometry, terms, m, whole, mode)
        for column in range(whole, n, width):
            bt, yt, some = j + column * b_column, h + column * y_column, min(width, n - column)
            panel(a, i, b, bt, y, yt, geometry, 1, terms, m, some, mode)

    return either


def make_panels(word: int, rounds: bool) -> Any:
    """The function that covers whole vectors of columns and the whole sum over k2; k1 is 1.

    The sum is cut into as few pieces as a panel allows, of nearly equal length.
    """
    either = make_either(word, rounds)

    @subroutine(product_signature(word))
    def panels(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        parts = (k2 + TERMS - 1) // TERMS
        step = (k2 + parts - 1) // parts
        for k in range(0, k2, step):
            either(a, i + k, b, j + k, y, h, geometry, 1, min(step, k2 - k), m, n, mode)
            mode |= 1

    return panels
