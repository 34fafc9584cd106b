"""Products of operands that are rounded to bfloat16 on their way into panels.

    y[row, column] (+)= sum bfloat16(a[row, k1, k2]) * bfloat16(b[k1, k2, column])

A part of the sum is taken up at a time.  Some hundred rows of a and a strip of columns of b are
packed in pairs along the sum (`pairs.py`), so that a tile multiplies two terms with one
instruction, where the processor has it.  Memory holds float32; each operand is rounded as often as
it is packed, which costs little beside the products of a panel.  Goto & van de Geijn, 2008.

A number of the result takes its terms in the order of k1, k2, in pairs from the start of each part,
whatever the rows and columns are cut into.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import (
    A_K1,
    A_K2,
    A_ROW,
    B_COLUMN,
    B_K1,
    B_K2,
    LOOP_COUNT,
    LOOPS,
    Y_COLUMN,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS, stack_room, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.macro_kernel import make_strip
from gradc_runtime.cpu.gemm.outer_loops import column_strides, product_signature
from gradc_runtime.cpu.gemm.pack_operands import (
    NUMBER,
    POINTER,
    REAL,
    STRIP,
    make_pack_columns,
    make_pack_lines,
    make_pack_rows,
)
from gradc_runtime.cpu.gemm.pairs import WORD
from gradc_runtime.cpu.gemm.tile import Tile

TERMS = IN_PIECE  # of a sum before the next part is taken up
PAIRS = TERMS * 2 // 3 + 8  # words of a line at most: of three terms two words
ROWS, COLUMNS = MACHINE.rounded_rows, MACHINE.rounded_columns  # that are packed at once
OWN = LOOPS + 2  # numbers of a geometry without outer loops


@subroutine(kernel_types.void(WORDS, WORDS))
def without_loops(geometry: Any, own: Any) -> None:
    """Copy the strides of a product, and those of its columns behind them."""
    for k in range(LOOPS):
        own[k] = geometry[k]
    own[LOOP_COUNT] = 0


@subroutine(kernel_types.void(WORDS))
def exchange_sums(own: Any) -> None:
    """Let both sums change places."""
    own[A_K1], own[A_K2] = own[A_K2], own[A_K1]
    own[B_K1], own[B_K2] = own[B_K2], own[B_K1]


@subroutine(kernel_types.void(WORDS))
def exchange_operands(own: Any) -> None:
    """Let rows and columns, and with them a and b, change places."""
    column = LOOPS + B_COLUMN
    own[A_ROW], own[column] = own[column], own[A_ROW]
    own[Y_ROW], own[LOOPS + Y_COLUMN] = own[LOOPS + Y_COLUMN], own[Y_ROW]
    own[A_K1], own[B_K1] = own[B_K1], own[A_K1]
    own[A_K2], own[B_K2] = own[B_K2], own[A_K2]


def make_strips() -> Any:
    """strips(left, right, y, h, strides, pairs, rows, columns, mode): packed rows by columns."""
    lanes = host().lanes(WORD)
    wide = make_strip(Tile(1, 2, WORD, pairs=True))
    narrow = make_strip(Tile(1, 1, WORD, pairs=True))

    @subroutine(kernel_types.void(POINTER, POINTER, POINTER, NUMBER, WORDS, *[NUMBER] * 4))
    def strips(
        left: Any, right: Any, y: Any, h: Any, strides: Any, pairs: Any, m: Any, n: Any, add: Any
    ) -> None:
        for column in range(0, n, STRIP):
            at = column * (pairs + 1)
            if n - column >= STRIP:
                wide(left, 0, right, at, y, h + column, strides, 1, pairs, m, STRIP, add)
                continue
            for c in range(column, n, lanes):
                w, start = min(lanes, n - c), at + c - column
                narrow(left, 0, right, start, y, h + c, strides, 1, pairs, m, w, add)

    return strips


def make_part() -> Any:
    """part(a, i, b, j, y, h, own, k1, k2, rows, columns, mode): a part of the sum, packed."""
    left_room, right_room = stack_room(REAL, ROWS * PAIRS), stack_room(REAL, COLUMNS * (PAIRS + 1))
    pack_lines = make_pack_lines()
    pack_rows, pack_columns = make_pack_rows(pack_lines), make_pack_columns(pack_lines)
    strips = make_strips()

    @subroutine(product_signature(WORD))
    def part(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, own: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        left, right = left_room(), right_room()
        strides = stack_words(LOOPS)
        strides[Y_ROW], strides[B_K2] = own[Y_ROW], STRIP
        pairs = k1 * ((k2 + 1) // 2)
        for row in range(0, m, ROWS):
            rows, yt = min(ROWS, m - row), h + row * own[Y_ROW]
            pack_rows(left, a, i + row * own[A_ROW], own, k1, k2, rows, strides)
            for column in range(0, n, COLUMNS):
                w, bt = min(COLUMNS, n - column), j + column * own[LOOPS + B_COLUMN]
                pack_columns(right, b, bt, own, k1, k2, w)
                strips(left, right, y, yt + column, strides, pairs, rows, w, add)

    return part


def make_sums(part: Any) -> Any:
    """sums(a, i, b, j, y, h, own, k1, k2, rows, columns, mode): the whole sum, part by part."""

    @subroutine(product_signature(WORD))
    def sums(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, own: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        if k2 == 1:
            exchange_sums(own)
            k1, k2 = 1, k1
        step2 = max(1, min(k2, TERMS))
        step1 = max(1, TERMS // step2)
        for s1 in range(0, k1, step1):
            for s2 in range(0, k2, step2):
                at = i + s1 * own[A_K1] + s2 * own[A_K2]
                bt = j + s1 * own[B_K1] + s2 * own[B_K2]
                c1, c2 = min(step1, k1 - s1), min(step2, k2 - s2)
                part(a, at, b, bt, y, h, own, c1, c2, m, n, add)
                add |= 1

    return sums


def rounded_rows() -> Any:
    """The product with b and y contiguous in columns."""
    sums = make_sums(make_part())

    @subroutine(product_signature(WORD))
    def product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        own = stack_words(OWN)
        without_loops(geometry, own)
        own[LOOPS + B_COLUMN], own[LOOPS + Y_COLUMN] = 1, 1
        sums(a, i, b, j, y, h, own, k1, k2, m, n, add)

    return product


def make_scattered(sums: Any) -> Any:
    """scattered(a, i, b, j, y, h, own, k1, k2, rows, columns, mode): for y of any strides, a tile
    at a time by way of a buffer.
    """
    width = 2 * host().lanes(WORD)
    room = stack_room(REAL, ROWS * width)

    @subroutine(product_signature(WORD))
    def scattered(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, own: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        tile, inner = room(), stack_words(OWN)
        for row in range(0, m, ROWS):
            for column in range(0, n, width):
                rows, w = min(ROWS, m - row), min(width, n - column)
                at, bt = i + row * own[A_ROW], j + column * own[LOOPS + B_COLUMN]
                for k in range(OWN):
                    inner[k] = own[k]
                inner[Y_ROW], inner[LOOPS + Y_COLUMN] = width, 1
                sums(a, at, b, bt, tile, 0, inner, k1, k2, rows, w, add & -2)
                for r in range(rows):
                    for c in range(w):
                        place = h + (row + r) * own[Y_ROW] + (column + c) * own[LOOPS + Y_COLUMN]
                        value = tile[r * width + c]
                        y[place] = value + y[place] if add & 1 else value

    return scattered


def rounded_dots() -> Any:
    """The product with columns of any stride; what y is contiguous in becomes its columns."""
    sums = make_sums(make_part())
    scattered = make_scattered(sums)

    @subroutine(product_signature(WORD))
    def product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        b_column, y_column = column_strides(geometry)
        own = stack_words(OWN)
        without_loops(geometry, own)
        own[LOOPS + B_COLUMN], own[LOOPS + Y_COLUMN] = b_column, y_column
        if y_column == 1:
            sums(a, i, b, j, y, h, own, k1, k2, m, n, add)
        elif geometry[Y_ROW] == 1:
            exchange_operands(own)
            sums(b, j, a, i, y, h, own, k1, k2, n, m, add)
        else:
            scattered(a, i, b, j, y, h, own, k1, k2, m, n, add)

    return product
