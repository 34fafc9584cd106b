"""Sine and cosine of float32, as accurate for the largest argument as for the smallest.

x = n pi/2 + r with |r| <= pi/4, and sin(x) is sin or cos of r, up to its sign, by n modulo 4.

1. *Range reduction.*  Below 2^27, r = x - n A - n B in float64, with pi/2 = A + B, where A has so
   few bits that n A is exact (Cody & Waite, "Software Manual for the Elementary Functions", 1980).
   Beyond that, x / (pi/2) is worked out with those bits of 2/pi that matter (`far_quadrant`).
2. *Series.*  Polynomials of r in float64, with the coefficients of FreeBSD's `k_sinf.c` and
   `k_cosf.c`.

There is no branch, since a branch would keep LLVM from making vectors of the loop around it.  So
every call takes the time of both reductions, although large arguments hardly ever occur.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradc_runtime.cpu.codegen.intrinsics import (
    bits_of,
    choose,
    llvm_function,
    polynomial,
)
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.kernel_types import float64, int64
from gradc_runtime.cpu.codegen.language.subroutines import PRECISE, subroutine
from gradc_runtime.cpu.codegen.wrapping import wrapped_difference, wrapped_sum

DOUBLE = kernel_types.float64
PAIR = kernel_types.UniTuple(DOUBLE, 2)(kernel_types.float32)
WORD, WORD_3, QUARTER, TWO_27 = 0xFFFFFFFF, 0xF534DDC0, 1 << 62, np.float32(2.0**27)
HALF_PI_OF_BITS = math.pi / 2 / QUARTER

floor = llvm_function("floor")
absolute = llvm_function("fabs")
sin_series = polynomial(
    DOUBLE, 2.718311493989822e-6, -1.98393348360966317347e-4, 8.333329385889463e-3,
    -1.66666666416265235595e-1,
)  # fmt: skip
cos_series = polynomial(
    DOUBLE, 2.439044879627741654e-5, -1.388676377460992944e-3, 4.16666233237390631894e-2,
    -4.99999997251031003120e-1,
)  # fmt: skip


@subroutine(PAIR, PRECISE)
def quadrant(x: Any) -> Any:
    """(n, r) with x = n pi/2 + r and |r| <= pi/4, for |x| below 2^28.  For a larger x, r is some
    number within -1 and 1, which `circular` does not use.
    """
    wide = float64(x)
    n = floor(wide * 0.63661977236758134308 + 0.5)
    r = (wide - n * 1.57079631090164184570) - n * 1.58932547735281966916e-08
    r = choose(r < 1.0, r, 1.0)
    return n, choose(r > -1.0, r, -1.0)


@subroutine(kernel_types.int64(kernel_types.int64), PRECISE)
def word_at(k: Any) -> Any:
    """The k-th 32 bits of 2/pi after the point, for k from 0 to 6."""
    low = choose(k < 2, choose(k < 1, 0xA2F9836E, 0x4E441529), choose(k < 3, 0xFC2757D1, WORD_3))
    return choose(k < 4, low, choose(k < 5, 0xDB629599, choose(k < 6, 0x3C439041, 0xFE5163AB)))


@subroutine(PAIR, PRECISE)
def far_quadrant(x: Any) -> Any:
    """(n, r) with x = n pi/2 + r, for |x| of 2^27 and more: in whole numbers, with those bits of
    2/pi that matter.

    x = m 2^e with a whole m, so the bits of 2/pi that stand for 2^(2-e) and more contribute whole
    turns, which change nothing.  The 96 bits after them give r to more digits than float32 has.
    Payne & Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 1983.
    """
    bits = int64(bits_of(absolute(x)))
    m = (bits & 0x7FFFFF) | 0x800000
    start = (bits >> 23) - 152
    start = choose(start > 0, choose(start < 103, start, 103), 0)
    k, shift = start >> 5, start & 31
    w0, w1, w2, w3 = word_at(k), word_at(k + 1), word_at(k + 2), word_at(k + 3)
    a = ((w0 << shift) | (w1 >> (32 - shift))) & WORD
    b = ((w1 << shift) | (w2 >> (32 - shift))) & WORD
    c = ((w2 << shift) | (w3 >> (32 - shift))) & WORD
    turns = wrapped_sum((m * a) << 32, m * b + ((m * c) >> 32))  # 2^62 is a quarter turn
    n = wrapped_sum(turns, QUARTER // 2) >> 62
    r = float64(wrapped_difference(turns, n << 62)) * HALF_PI_OF_BITS
    sign = choose(x < np.float32(0), -1.0, 1.0)
    return float64(n) * sign, r * sign


@subroutine(kernel_types.float32(kernel_types.float32, DOUBLE), PRECISE)
def circular(x: Any, turn: Any) -> Any:
    """sin(x + turn pi/2); NaN where x is not finite."""
    n, r = quadrant(x)
    far_n, far_r = far_quadrant(x)
    near = absolute(x) < TWO_27
    n = choose(near, n, far_n) + turn
    r = choose(near, r, far_r)
    z = r * r
    sine = r + r * (z * sin_series(z))
    cosine = 1.0 + z * cos_series(z)
    half = floor(n * 0.5)
    y = choose(n - 2.0 * half == 1.0, cosine, sine)
    y = choose(half - 2.0 * floor(half * 0.5) == 1.0, -y, y)
    return np.float32(choose(absolute(x) < np.float32(np.inf), y, np.nan))


@subroutine(kernel_types.float32(kernel_types.float32), PRECISE)
def sin(x: Any) -> Any:
    """The sine; that of zero keeps its sign."""
    return choose(x == np.float32(0), x, circular(x, 0.0))


@subroutine(kernel_types.float32(kernel_types.float32), PRECISE)
def cos(x: Any) -> Any:
    """The cosine."""
    return circular(x, 1.0)
