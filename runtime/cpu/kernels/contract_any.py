"""y[...] (+)= sum a[...] * b[...] with any strides at all: short, and slow.

geometry = [mode, L, R, then L output loops (extent, a, b, y), then R sum loops (extent, a, b)];
an odd mode adds to y; mode // 2, if it is not 0, divides the sum.  What a loop does is kept in
counters, as in an odometer: the last one moves fastest, and one that has come round moves the one
before it.
"""

from __future__ import annotations

from typing import Any

from runtime.cpu.intrinsics import WORDS, pointer_reader, stack_words
from runtime.cpu.kernels.common import number_type
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    reals = pointer_reader(number_type(word))
    real = number_type(word)
    zero = real(0)

    @subroutine(types.int64(WORDS, types.int64, types.int64))
    def total(extents: Any, loops: Any, base: Any) -> Any:
        """How many times the loops run in all."""
        product = 1
        for i in range(loops):
            product *= extents[base + i]
        return product

    def contract_any(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        a = reals(pointers, 0)
        b = reals(pointers, 1)
        y = reals(pointers, 2)
        loops = geometry[1]
        sums = geometry[2]
        extents = stack_words(32)
        count = stack_words(32)
        a_at = 0
        b_at = 0
        y_at = 0
        for i in range(loops + sums):
            at = 3 + 4 * i if i < loops else 3 + 4 * loops + 3 * (i - loops)
            extents[i] = geometry[at]
            if geometry[at] < 0:
                extents[i] = end - begin
                a_at += begin * geometry[at + 1]
                b_at += begin * geometry[at + 2]
                y_at += begin * geometry[at + 3] if i < loops else 0
        terms = total(extents, sums, loops)
        for _ in range(total(extents, loops, 0)):
            value = zero
            for _ in range(terms):
                value += a[a_at] * b[b_at]
                for j in range(sums):
                    i = loops + sums - 1 - j
                    at = 3 + 4 * loops + 3 * (i - loops)
                    count[i] += 1
                    a_at += geometry[at + 1]
                    b_at += geometry[at + 2]
                    if count[i] < extents[i]:
                        break
                    count[i] = 0
                    a_at -= extents[i] * geometry[at + 1]
                    b_at -= extents[i] * geometry[at + 2]
            if geometry[0] > 1:
                value = value / real(geometry[0] // 2)
            y[y_at] = value + y[y_at] if geometry[0] & 1 else value
            for j in range(loops):
                i = loops - 1 - j
                at = 3 + 4 * i
                count[i] += 1
                a_at += geometry[at + 1]
                b_at += geometry[at + 2]
                y_at += geometry[at + 3]
                if count[i] < extents[i]:
                    break
                count[i] = 0
                a_at -= extents[i] * geometry[at + 1]
                b_at -= extents[i] * geometry[at + 2]
                y_at -= extents[i] * geometry[at + 3]

    return contract_any
