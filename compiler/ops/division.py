"""Whole quotients and rests of real numbers, in NumPy.

a // b is the floor of the exact quotient of the two floats, rounded once; a % b what is left of a,
from 0 up to but never reaching b, and below 0 where b is.  `fmod` is exact, and all else follows
from it: Python's own `//` divides first and is wrong by one where that rounds to a whole number.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from gradc_compiler.graph.op import Array

WHOLE = 2.0**51  # from here on a quotient in float64 may be off by more than a rounding mends


def quotient(a: Array, b: Array) -> Array:
    """The floor of a / b, rounded to the width of a and b."""
    kind = np.result_type(a, b)
    a, b = np.broadcast_arrays(a.astype(np.float64), b.astype(np.float64))
    left, ratio = np.fmod(a, b), a / b
    count = (a - left) / b
    large = np.isfinite(count) & (np.abs(count) >= WHOLE)
    count = np.where(large, count, np.rint(count)) - _on_the_other_side(left, b)
    for at in zip(*np.nonzero(large), strict=True):
        count[at] = _exact(float(a[at]), float(b[at]))
    count = np.where(np.isfinite(count), count, np.floor(ratio))
    found = np.where(count == 0, np.copysign(0.0, ratio), count)
    return np.asarray(found, kind)


def rest(a: Array, b: Array) -> Array:
    """a - b floor(a / b), rounded towards 0 where it would round to b."""
    left = np.fmod(a, b)
    moved = np.where(_on_the_other_side(left, b), left + b, left)
    inside = np.where(moved == b, np.nextafter(b, np.zeros_like(b)), moved)
    return np.asarray(np.where(left == 0, np.copysign(np.zeros_like(b), b), inside))


def _on_the_other_side(left: Array, b: Array) -> Array:
    """Whether what `fmod` leaves has not the sign of b, so that one more b belongs to it."""
    return np.asarray((left != 0) & ((left < 0) != (b < 0)))


def _exact(a: float, b: float) -> float:
    try:
        return float(Fraction(a) // Fraction(b))
    except OverflowError:
        return np.inf if (a < 0) == (b < 0) else -np.inf
