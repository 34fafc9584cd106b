"""The outside of a contraction: its range, its outer loops, and where each operand then begins.

What is done inside them is the kernel's own `product`.  The loops are counted like an odometer: the
last one moves fastest, and one that has come round moves the one before it.
"""

from __future__ import annotations

from typing import Any

from runtime.cpu.intrinsics import WORDS, pointer_reader, stack_words
from runtime.cpu.kernels.common import number_type
from runtime.cpu.kernels.roles import FEW, exchange_roles
from runtime.cpu.language import types
from runtime.cpu.layout import LOOPS


def product_signature(word: int) -> Any:
    """Of a product of (a, i, b, j, y, h, geometry, k1, k2, rows, columns, add)."""
    pointer = types.CPointer(number_type(word))
    return types.void(*(pointer, types.int64) * 3, WORDS, *[types.int64] * 5)


def contraction_kernel(
    word: int, product: Any, a_column: int = 0, strided_columns: bool = False
) -> Any:
    """The kernel that runs `product` inside the outer loops.

    `a_column` is a's stride along the columns; b and y have stride 1 there, unless their strides
    follow the outer loops in the geometry.
    """
    reals = pointer_reader(number_type(word))

    def contract(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        a = reals(pointers, 0)
        b = reals(pointers, 1)
        y = reals(pointers, 2)
        loops = geometry[11]
        b_column, y_column = 1, 1
        if end - begin < FEW and not strided_columns:
            own = stack_words(80)
            exchange_roles(geometry, own, end - begin)
            geometry = own
        if strided_columns:
            b_column, y_column = geometry[LOOPS + 4 * loops], geometry[LOOPS + 4 * loops + 1]
        n, m, k1, k2 = geometry[1], geometry[2], geometry[5], geometry[8]
        i = 0
        j = 0
        h = 0
        if n < 0:
            n = end - begin
            i += begin * a_column
            j += begin * b_column
            h += begin * y_column
        if m < 0:
            m = end - begin
            i += begin * geometry[3]
            h += begin * geometry[4]
        if k1 < 0:
            k1 = end - begin
            i += begin * geometry[6]
            j += begin * geometry[7]
        if k2 < 0:
            k2 = end - begin
            i += begin * geometry[9]
            j += begin * geometry[10]
        extents = stack_words(16)
        count = stack_words(16)
        turns = 1
        for k in range(loops):
            at = LOOPS + 4 * k
            extents[k] = geometry[at]
            count[k] = 0
            if geometry[at] < 0:
                extents[k] = end - begin
                i += begin * geometry[at + 1]
                j += begin * geometry[at + 2]
                h += begin * geometry[at + 3]
            turns *= extents[k]
        for _ in range(turns):
            product(a, i, b, j, y, h, geometry, k1, k2, m, n, geometry[0])
            for k in range(loops - 1, -1, -1):
                at = LOOPS + 4 * k
                count[k] += 1
                i += geometry[at + 1]
                j += geometry[at + 2]
                h += geometry[at + 3]
                if count[k] < extents[k]:
                    break
                count[k] = 0
                i -= extents[k] * geometry[at + 1]
                j -= extents[k] * geometry[at + 2]
                h -= extents[k] * geometry[at + 3]

    return contract
