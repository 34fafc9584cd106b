"""The outer-loop driver of all contraction kernels: the loops that are not in a tile.

It goes through those loops, computes where each operand begins, and calls the `product` of the
kernel, which has the rows, columns and sums.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.addition_chains import MOST_PIECES
from gradc_compiler.program.kernel_abi import (
    A_K1,
    A_K2,
    A_ROW,
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
    Y_COLUMN,
    Y_LOOP,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS, pointer_reader, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type
from gradc_runtime.cpu.gemm.long_sums import NUMBERS, make_long_product, pieces_of, sums_last
from gradc_runtime.cpu.gemm.multi_index import advance, extent_at, first_places, set_extents
from gradc_runtime.cpu.gemm.small_batch import FEW, swap_batch_loop


def product_signature(word: int) -> Any:
    """Of a product of (a, i, b, j, y, h, geometry, k1, k2, rows, columns, mode)."""
    pointer = kernel_types.CPointer(number_type(word))
    return kernel_types.void(*(pointer, kernel_types.int64) * 3, WORDS, *[kernel_types.int64] * 5)


@subroutine(kernel_types.UniTuple(kernel_types.int64, 2)(WORDS))
def column_strides(geometry: Any) -> Any:
    """The strides of b and y along the columns, which follow the outer loops."""
    after = LOOPS + LOOP * geometry[LOOP_COUNT]
    return geometry[after + B_COLUMN], geometry[after + Y_COLUMN]


@subroutine(kernel_types.UniTuple(kernel_types.int64, 3)(WORDS, *[kernel_types.int64] * 4))
def inner_places(geometry: Any, begin: Any, a_column: Any, b_column: Any, y_column: Any) -> Any:
    """Where a, b and y begin, if one of the inner loops goes over the range."""
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


@subroutine(kernel_types.int64(WORDS, WORDS, kernel_types.int64))
def additions(geometry: Any, extents: Any, pieces: Any) -> Any:
    """How often a number of y is added to: `pieces` times for every iteration of the outer loops
    that do not move it.
    """
    for k in range(geometry[LOOP_COUNT]):
        if geometry[LOOPS + LOOP * k + Y_LOOP] == 0:
            pieces *= extents[k]
    return pieces


@subroutine(kernel_types.boolean(WORDS, WORDS, *[kernel_types.int64] * 3))
def is_long(geometry: Any, extents: Any, k1: Any, k2: Any, terms: Any) -> Any:
    """Whether a number of y would be added to more than MOST_PIECES times.

    There are at most 2 k1 k2 / terms + 1 pieces, and that is seen without a division.
    """
    if additions(geometry, extents, (2 * k1 * k2) // terms + 1) <= MOST_PIECES:
        return False
    return additions(geometry, extents, pieces_of(k1, k2, terms)) > MOST_PIECES


def contraction_kernel(
    word: int, product: Any, terms: int, a_column: int = 0, strided_columns: bool = False
) -> Any:
    """The kernel that runs `product` inside the outer loops; long sums a part at a time.

    `terms` of a sum are added up in registers.  `a_column` is a's stride along the columns; b and y
    have stride 1 there, unless their strides follow the outer loops in the geometry.
    """
    reals = pointer_reader(number_type(word))
    long_product = make_long_product(word, product, a_column)

    def contract(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        a, b, y = reals(pointers, 0), reals(pointers, 1), reals(pointers, 2)
        b_column, y_column = 1, 1
        if end - begin < FEW and not strided_columns:
            own = stack_words(MOST_NUMBERS)
            swap_batch_loop(geometry, own, end - begin)
            geometry = own
        if strided_columns:
            b_column, y_column = column_strides(geometry)
        n, m = extent_at(geometry, COLUMNS, end - begin), extent_at(geometry, ROWS, end - begin)
        k1, k2 = extent_at(geometry, K1, end - begin), extent_at(geometry, K2, end - begin)
        loops = geometry[LOOP_COUNT]
        extents, counts = stack_words(MOST_LOOPS), stack_words(MOST_LOOPS)
        turns = set_extents(geometry, LOOPS, loops, extents, end - begin)
        i, j, h = first_places(geometry, LOOPS, loops, begin)
        inner_i, inner_j, inner_h = inner_places(geometry, begin, a_column, b_column, y_column)
        i, j, h = i + inner_i, j + inner_j, h + inner_h
        if not is_long(geometry, extents, k1, k2, terms):
            for _ in range(turns):
                product(a, i, b, j, y, h, geometry, k1, k2, m, n, geometry[MODE])
                i, j, h = advance(geometry, LOOPS, loops, extents, counts, i, j, h)
        else:
            ordered, of_sums = stack_words(NUMBERS), stack_words(MOST_LOOPS)
            moving = sums_last(geometry, ordered)
            start, mode = LOOPS + LOOP * moving, geometry[MODE]
            turns = set_extents(ordered, LOOPS, moving, extents, end - begin)
            set_extents(ordered, start, loops - moving, of_sums, end - begin)
            for _ in range(turns):
                long_product(
                    a, i, b, j, y, h, ordered, k1, k2, m, n, mode, b_column, y_column,
                    start, loops - moving, of_sums,
                )  # fmt: skip
                i, j, h = advance(ordered, LOOPS, moving, extents, counts, i, j, h)

    return contract
