"""Packing for products with a transposed matrix (GEMM NT): b is transposed into panels.

    y[row, column] (+)= sum a[row, k] * b[column, k]

Dot products along k leave a vector of partial sums, whose lanes must then be added up.  With b
transposed, a number of a is multiplied with a vector of columns instead: the tile of GEMM NN
serves, which needs no such addition and reaches the processor's peak.  Transposing b pays if a has
many rows.

In a dense layer on a block of examples, y is transposed too: its rows follow one another in memory,
and its columns lie apart.  So the sums are put row by row into a small buffer, and transposed from
there into y.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.addition_chains import IN_PANEL
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import A_K2, A_ROW, B_K2, LOOPS, Y_ROW
from gradc_runtime.cpu.codegen.intrinsics import fetch, stack_room, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type, pointer_type
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.micro_kernel import make_tile
from gradc_runtime.cpu.gemm.outer_loops import column_strides, product_signature
from gradc_runtime.cpu.gemm.tile import Tile
from gradc_runtime.cpu.gemm.transpose import make_square

AHEAD = MACHINE.turned_ahead  # so many squares before its turn, one is fetched from memory
TERMS = IN_PANEL  # of a sum in one panel


def make_turn_in(word: int) -> Any:
    """turn_in(panel, at, b, j, stride, k2, width): panel[k, column] = b[column, k], for `width`
    columns, from panel[at] on.
    """
    turn, lanes = make_square(word), host().lanes(word)
    pointer = pointer_type(word)

    @subroutine(kernel_types.void(pointer, kernel_types.int64, pointer, *[kernel_types.int64] * 4))
    def turn_in(panel: Any, at: Any, b: Any, j: Any, stride: Any, k2: Any, width: Any) -> None:
        for column in range(0, width, lanes):
            for k in range(0, k2, lanes):
                start, terms = j + column * stride + k, min(lanes, k2 - k)
                for row in range(lanes):  # no processor follows so many rows by itself
                    fetch(b, start + row * stride + AHEAD * lanes)
                turn(b, start, panel, at + k * width + column, stride, width, lanes, terms, 0)

    return turn_in


def make_sums(word: int, height: int, rounds: bool) -> Any:
    """sums(a, i, panel, 0, sums, 0, strides, 1, k2, rows, width, mode): rows of the product.

    Two vectors of columns take tiles of a few rows; of one vector, a tile takes all rows.
    """
    lanes, low = host().lanes(word), 8 if host().vector_registers > 16 else 4
    wide_tile = make_tile(Tile(low, 2, word, rounds=rounds))
    narrow_tile = make_tile(Tile(height, 1, word, rounds=rounds))

    @subroutine(product_signature(word))
    def some_sums(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        if n <= lanes:
            narrow_tile(a, i, b, j, y, h, geometry, k1, k2, m, n, mode)
        else:
            for row in range(0, m, low):
                at, rows = i + row * geometry[A_ROW], min(low, m - row)
                wide_tile(a, at, b, j, y, h + row * n, geometry, k1, k2, rows, n, mode)

    return some_sums


def make_turn_out(word: int) -> Any:
    """turn_out(sums, y, h, y_column, rows, columns, mode): sums[row, column] into y, whose rows
    follow one another and whose columns are `y_column` apart.
    """
    turn, lanes = make_square(word), host().lanes(word)
    pointer = pointer_type(word)

    @subroutine(kernel_types.void(pointer, pointer, *[kernel_types.int64] * 5))
    def turn_out(sums: Any, y: Any, h: Any, y_column: Any, rows: Any, n: Any, mode: Any) -> None:
        for row in range(0, rows, lanes):
            for column in range(0, n, lanes):
                yt, some = h + row + column * y_column, min(lanes, rows - row)
                turn(sums, row * n + column, y, yt, n, y_column, some, lanes, mode & 1)

    return turn_out


def make_panel(word: int, rounds: bool) -> Any:
    """The function that covers all rows of one or two vectors of columns, for a piece of the sum:
    as many rows at a time as the buffer for sums holds.
    """
    width, height = 2 * host().lanes(word), max(host().lanes(word), 8)
    panel_room = stack_room(number_type(word), TERMS * width)
    sums_room = stack_room(number_type(word), height * width)
    turn_in, turn_out = make_turn_in(word), make_turn_out(word)
    some_sums = make_sums(word, height, rounds)

    @subroutine(product_signature(word))
    def panel(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        b_column, y_column = column_strides(geometry)
        turned, sums, strides = panel_room(), sums_room(), stack_words(LOOPS)
        turn_in(turned, 0, b, j, b_column, k2, n)
        strides[A_ROW], strides[Y_ROW], strides[A_K2], strides[B_K2] = geometry[A_ROW], n, 1, n
        for row in range(0, m, height):
            rows, at = min(height, m - row), i + row * geometry[A_ROW]
            some_sums(a, at, turned, 0, sums, 0, strides, 1, k2, rows, n, mode & -2)
            turn_out(sums, y, h + row, y_column, rows, n, mode)

    return panel
