"""The outer-loop driver of all contraction kernels: the loops that are not in a tile.

It goes through those loops, computes where a, b and y begin in each iteration, and calls the
kernel's `product`, which has the loops over rows, columns, k1 and k2.  If a kernel is for very long
sums, the loops of `long_sums.py` take the place of these.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.kernel_abi import (
    A_K1,
    A_K2,
    A_ROW,
    AFTER_LOOPS,
    B_COLUMN,
    B_K1,
    B_K2,
    COLUMNS,
    K1,
    K2,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    MODE,
    MOST_LOOPS,
    MOST_NUMBERS,
    ROWS,
    ROWS_IN_ALL,
    Y_COLUMN,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS, pointer_reader, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type, pointer_type
from gradc_runtime.cpu.gemm.multi_index import PLACES, advance, extent_at, first_places, set_extents
from gradc_runtime.cpu.gemm.small_batch import FEW, swap_batch_columns, swap_batch_loop

NUMBERS = MOST_NUMBERS + AFTER_LOOPS  # of a geometry


def product_signature(word: int) -> Any:
    """The types of product(a, i, b, j, y, h, geometry, k1, k2, rows, columns, mode): a[i:] times
    b[j:] into y[h:].
    """
    pointer = pointer_type(word)
    return kernel_types.void(*(pointer, kernel_types.int64) * 3, WORDS, *[kernel_types.int64] * 5)


@subroutine(kernel_types.UniTuple(kernel_types.int64, 2)(WORDS))
def column_strides(geometry: Any) -> Any:
    """The strides of b and y along the columns, which stand behind the outer loops."""
    after = LOOPS + LOOP * geometry[LOOP_COUNT]
    return geometry[after + B_COLUMN], geometry[after + Y_COLUMN]


@subroutine(kernel_types.int64(WORDS, kernel_types.int64))
def rows_in_all(geometry: Any, rows: Any) -> Any:
    """How many rows a product has, of which this thread may have a share: all of them, unless the
    geometry says how many there are in all.
    """
    whole = geometry[LOOPS + LOOP * geometry[LOOP_COUNT] + ROWS_IN_ALL]
    return rows if whole < 0 else whole


@subroutine(kernel_types.UniTuple(kernel_types.int64, 3)(WORDS, *[kernel_types.int64] * 4))
def inner_places(geometry: Any, begin: Any, a_column: Any, b_column: Any, y_column: Any) -> Any:
    """Where a, b and y begin, if one of the loops in the product goes over the range."""
    i, j, h = 0, 0, 0
    if geometry[COLUMNS] < 0:
        i, j, h = begin * a_column, begin * b_column, begin * y_column
    if geometry[ROWS] < 0:
        i, h = begin * geometry[A_ROW], begin * geometry[Y_ROW]
    if geometry[K1] < 0:
        i, j = begin * geometry[A_K1], begin * geometry[B_K1]
    if geometry[K2] < 0:
        i, j = begin * geometry[A_K2], begin * geometry[B_K2]
    return i, j, h


@subroutine(PLACES(WORDS, *[kernel_types.int64] * 4))
def starts(geometry: Any, begin: Any, a_column: Any, b_column: Any, y_column: Any) -> Any:
    """Where a, b and y begin, whichever loop goes over the range."""
    i, j, h = first_places(geometry, LOOPS, geometry[LOOP_COUNT], begin)
    p, q, r = inner_places(geometry, begin, a_column, b_column, y_column)
    return i + p, j + q, h + r


@subroutine(kernel_types.UniTuple(kernel_types.int64, 4)(WORDS, kernel_types.int64))
def inner_extents(geometry: Any, examples: Any) -> Any:
    """The iterations over k1, k2, rows and columns."""
    k1, k2 = extent_at(geometry, K1, examples), extent_at(geometry, K2, examples)
    return k1, k2, extent_at(geometry, ROWS, examples), extent_at(geometry, COLUMNS, examples)


def loops_signature(word: int) -> Any:
    """The types of loops(a, i, b, j, y, h, geometry, examples, b_column, y_column)."""
    pointer = pointer_type(word)
    return kernel_types.void(*(pointer, kernel_types.int64) * 3, WORDS, *[kernel_types.int64] * 3)


def plain_loops(word: int, product: Any, a_column: int) -> Any:
    """The outer loops in the order of the geometry, around a `product`."""

    @subroutine(loops_signature(word))
    def run_loops(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        examples: Any, b_column: Any, y_column: Any,
    ) -> None:  # fmt: skip
        k1, k2, m, n = inner_extents(geometry, examples)
        loops = geometry[LOOP_COUNT]
        extents, counts = stack_words(MOST_LOOPS), stack_words(MOST_LOOPS)
        turns = set_extents(geometry, LOOPS, loops, extents, examples)
        for _ in range(turns):
            product(a, i, b, j, y, h, geometry, k1, k2, m, n, geometry[MODE])
            i, j, h = advance(geometry, LOOPS, loops, extents, counts, i, j, h)

    return run_loops


def contraction_kernel(
    word: int, run_loops: Any, a_column: int = 0, strided_columns: bool = False
) -> Any:
    """The kernel that finds where its operands begin, and runs outer loops from there.

    `a_column` is a's stride along the columns; b and y have stride 1 there, unless their strides
    follow the outer loops in the geometry.
    """
    reals = pointer_reader(number_type(word))
    swapped = swap_batch_columns if strided_columns else swap_batch_loop

    def contract(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        a, b, y = reals(pointers, 0), reals(pointers, 1), reals(pointers, 2)
        b_column, y_column = 1, 1
        if end - begin < FEW:
            own = stack_words(NUMBERS)
            swapped(geometry, own, end - begin)
            geometry = own
        if strided_columns:
            b_column, y_column = column_strides(geometry)
        i, j, h = starts(geometry, begin, a_column, b_column, y_column)
        run_loops(a, i, b, j, y, h, geometry, end - begin, b_column, y_column)

    return contract
