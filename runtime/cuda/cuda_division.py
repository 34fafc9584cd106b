"""Whole quotients and rests, as in compiler/ops/division.py: bit for bit, in the run's own width.

a = b n + r with r = fmod(a, b), which is exact.  For h near n, what h leaves of a is found with one
rounding by a fused multiply-add, so n is known to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def division(
    device: Callable[..., Any],
    word: int,
    fmod: Callable[..., Any],
    fma: Callable[..., Any],
    floor: Callable[..., Any],
) -> dict[str, Callable[..., Any]]:
    """`quotient` and `rest` from the means of a device."""
    number = np.float32 if word == 4 else np.float64
    digits = 24 if word == 4 else 53
    whole, half = number(2.0 ** (digits - 2)), number(0.5)
    one, zero, infinity = number(1.0), number(0.0), number(np.inf)
    below, most = number(1 - 2.0**-digits), np.finfo(number).max

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

    return {"quotient": quotient, "rest": rest}
