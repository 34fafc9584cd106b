"""Copy what a product reads as b to strips of columns, once, before it is read again and again.

    y[position, strip, k1, k2, c] = x[position, k1, k2, strip * STRIP + c]

geometry = [positions, x_position, k1, x_k1, k2, x_k2, columns], of whole strips; y has no gaps.
With one position and one term it copies `columns` words.  A strip is as wide as two of the widest
registers, so that all processors read the same strips.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.codegen.intrinsics import pointer_reader
from gradc_runtime.cpu.codegen.number_types import number_type
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.copy_lines import make_copy_lines

STRIP = 2 * MACHINE.vector  # columns


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    reals = pointer_reader(number_type(word))
    across = make_copy_lines(word, STRIP // host().lanes(word))

    def weight_strips(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        x, y = reals(pointers, 0), reals(pointers, 1)
        k1, k2, columns = geometry[2], geometry[4], geometry[6]
        for position in range(geometry[0]):
            for k in range(k1):
                start = position * geometry[1] + k * geometry[3]
                to = position * k1 * k2 * columns + k * k2 * STRIP
                across(y, to, x, start, geometry[5], k2, columns, STRIP, k1 * k2 * STRIP)

    return weight_strips
