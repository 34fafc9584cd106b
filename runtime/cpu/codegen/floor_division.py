"""Whole quotients and rests, as in `compiler/ops/division.py`: bit for bit, without branches.

a = b n + r with r = fmod(a, b), which is exact, so (a - r) / b is the whole quotient n but for
rounding.  Let h be that division, rounded to a whole number.  A fused multiply-add gives
a - r - b h with a single rounding, from which the distance of h to n is known to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradc_runtime.cpu.codegen.intrinsics import choose, llvm_function
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import EXACT, subroutine

absolute, floor = llvm_function("fabs"), llvm_function("floor")
fused = llvm_function("fma", 3)
WHOLE = 2.0**51  # up to here x + 0.5 is exact, and a quotient of whole numbers right within it
DIGITS = {4: 24, 8: 53}


def functions(word: int, number: Any) -> dict[str, Callable[..., Any]]:
    """`quotient` and `rest` for words of this many bytes; both work in float64."""
    two = number(number, number)
    return {
        "quotient": subroutine(two, EXACT)(quotient_of(number)),
        "rest": subroutine(two, EXACT)(rest_of(number, DIGITS[word])),
    }


def quotient_of(number: Any) -> Callable[..., Any]:
    """The function that divides and rounds towards minus infinity."""

    def quotient(x: Any, y: Any) -> Any:
        a, b = np.float64(x), np.float64(y)
        left, ratio = math.fmod(a, b), a / b
        more = choose((left != 0.0) & ((left < 0.0) ^ (b < 0.0)), 1.0, 0.0)
        near = a - left
        lost = (a - near) - left
        h = rounded(near / b)
        off = choose(absolute(h) < WHOLE, 0.0, rounded((fused(-h, b, near) + lost) / b))
        n = h + (off - more)
        n = choose(absolute(h) < np.inf, n, floor(ratio))
        return number(choose(n == 0.0, ratio * 0.0, n))

    return quotient


@subroutine(kernel_types.float64(kernel_types.float64), EXACT)
def rounded(x: Any) -> Any:
    """The nearest whole number; a large number is one already."""
    return floor(choose(absolute(x) < WHOLE, x + 0.5, x))


def rest_of(number: Any, digits: int) -> Callable[..., Any]:
    """The function that gives what is left, with the sign of y, for numbers of so many digits."""
    below, most = number(1 - 2.0**-digits), np.finfo(number.name).max
    infinity, zero = number(np.inf), number(0.0)

    def rest(x: Any, y: Any) -> Any:
        left = number(math.fmod(np.float64(x), np.float64(y)))
        apart = (left != zero) & ((left < zero) ^ (y < zero))
        moved = choose(apart, left + y, left)
        under = choose(absolute(y) < infinity, y * below, choose(y > zero, most, -most))
        inside = choose(moved == y, under, moved)
        return choose(left == zero, choose(y < zero, -zero, zero), inside)

    return rest
