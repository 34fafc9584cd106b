"""Whole quotients and rests, as in `compiler/ops/division.py`: bit for bit, in the run's own width.

a = b n + r with r = fmod(a, b), which is exact, so (a - r) / b is the whole quotient n but for
rounding.  Let h be that division, rounded to a whole number.  A fused multiply-add gives
a - r - b h with a single rounding, from which the distance of h to n is known to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[..., Any]


def division(
    device: Callable[[Function], Function], word: int, fmod: Function, fma: Function,
    floor: Function,
) -> dict[str, Function]:  # fmt: skip
    """`quotient` and `rest` from the means of a device, for words of this many bytes."""
    number = np.float32 if word == 4 else np.float64
    return {
        "quotient": make_quotient(device, number, fmod, fma, floor),
        "rest": make_rest(device, number, fmod),
    }


def make_quotient(
    device: Callable[[Function], Function], number: Any, fmod: Function, fma: Function,
    floor: Function,
) -> Function:  # fmt: skip
    """quotient(a, b): the greatest whole number that is at most a / b."""
    whole = number(2.0 ** (np.finfo(number).nmant - 1))
    half, one, zero, infinity = number(0.5), number(1.0), number(0.0), number(np.inf)

    @device
    def rounded(x: Any) -> Any:
        return floor(x + half) if abs(x) < whole else floor(x)

    @device
    def quotient(a: Any, b: Any) -> Any:
        left, ratio = fmod(a, b), a / b
        near = a - left
        h = rounded(near / b)
        if not abs(h) < infinity:
            return floor(ratio)
        lost = (a - near) - left
        more = one if left != zero and (left < zero) != (b < zero) else zero
        off = zero if abs(h) < whole else rounded((fma(-h, b, near) + lost) / b)
        n = h + (off - more)
        return n if n != zero else ratio * zero

    return quotient


def make_rest(device: Callable[[Function], Function], number: Any, fmod: Function) -> Function:
    """rest(a, b): what the quotient leaves of a: it has the sign of b, and is smaller than b."""
    zero, infinity, most = number(0.0), number(np.inf), np.finfo(number).max
    below = number(1) - np.finfo(number).epsneg

    @device
    def rest(a: Any, b: Any) -> Any:
        left = fmod(a, b)
        if left == zero:
            return -zero if b < zero else zero
        if left != left or (left < zero) == (b < zero):
            return left
        moved = left + b
        if moved != b:
            return moved
        if abs(b) < infinity:
            return b * below
        return most if b > zero else -most

    return rest
