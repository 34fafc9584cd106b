"""Sine and cosine of float32, right for every one of them, without branches.

Inner steps use float64.  Arguments beyond 2^27, which nobody should need, cost everybody: a branch
would stop LLVM from making vectors of the loop around it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradc_runtime.cpu.codegen.intrinsics import bits_of, choose, llvm_function, polynomial
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import PRECISE, subroutine

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
    """(n, r) with x = n pi/2 + r and |r| <= pi/4, good for |x| below 2^28."""
    wide = np.float64(x)
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
    """The same for |x| of 2^27 and more: of 2/pi only the bits that matter, in whole numbers.

    x = m 2^e, so bits of 2/pi that stand for 2^(2-e) and more make whole turns.  Payne & Hanek,
    SIGNUM Newsletter 18, 1983.
    """
    bits = np.int64(bits_of(absolute(x)))
    m = (bits & 0x7FFFFF) | 0x800000
    start = (bits >> 23) - 152
    start = choose(start > 0, choose(start < 103, start, 103), 0)
    k, shift = start >> 5, start & 31
    w0, w1, w2, w3 = word_at(k), word_at(k + 1), word_at(k + 2), word_at(k + 3)
    a = ((w0 << shift) | (w1 >> (32 - shift))) & WORD
    b = ((w1 << shift) | (w2 >> (32 - shift))) & WORD
    c = ((w2 << shift) | (w3 >> (32 - shift))) & WORD
    turns = ((m * a) << 32) + m * b + ((m * c) >> 32)  # 2^62 is a quarter turn; the rest wraps
    n = (turns + QUARTER // 2) >> 62
    r = np.float64(turns - (n << 62)) * HALF_PI_OF_BITS
    sign = choose(x < np.float32(0), -1.0, 1.0)
    return np.float64(n) * sign, r * sign


@subroutine(kernel_types.float32(kernel_types.float32, DOUBLE), PRECISE)
def circular(x: Any, turn: Any) -> Any:
    """sin(x + turn pi/2)."""
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
