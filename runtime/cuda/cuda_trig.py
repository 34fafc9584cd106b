"""Sine and cosine of float32, in float32 alone: those of libdevice use float64 for large arguments,
which most GPUs compute slowly.

x = n pi/2 + r with |r| <= pi/4.  Below 2^15, r = ((x - n A) - n B) - n C with pi/2 = A + B + C in
three float32.  From there on x = m 2^e with whole m < 2^24, and the turns x / 2 pi, less whole
ones, are m times the 64 bits of 1 / 2 pi that begin at bit e: whole numbers, good to 2^-40.
Background: Payne & Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter, 1983.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

NUMBER, WHOLE = np.float32, np.uint64
LARGE = np.float32(2.0**15)
TWO_BY_PI = np.float32(0.63661977236758134)
PARTS = tuple(
    np.float32(p) for p in (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15)
)
TURN = np.float32(3.4061215800865545e-19)  # 2 pi / 2^64
# 1 / 2 pi, 64 bits at a time, after 64 bits that are zero
W1, W2, W3 = (np.uint64(w) for w in (0x28BE60DB9391054A, 0x7F09D5F47D4D3770, 0x36D8A5664F10E410))
SINE = tuple(np.float32(c) for c in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1))
COSINE = tuple(
    np.float32(c) for c in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
)


Function = Callable[..., Any]


def circular(device: Function, bits: Function, fma: Function) -> tuple[Function, Function]:
    """Sine and cosine, by a device's `bits` of a float32 and fused multiply-add."""
    reduced = _reduction(device, bits, fma)
    s0, s1, s2 = SINE
    c0, c1, c2 = COSINE

    @device
    def value(x: Any, quarter: Any) -> Any:
        """sin(x + quarter pi/2)."""
        if x - x != NUMBER(0.0):
            return x - x  # not a number, as for infinities
        n, r = reduced(x)
        n = (n + quarter) & 3
        z = r * r
        y = fma(fma(fma(s0, z, s1), z, s2) * z, r, r)
        if n & 1:
            y = fma(z * z, fma(fma(c0, z, c1), z, c2), fma(z, NUMBER(-0.5), NUMBER(1.0)))
        return -y if n & 2 else y

    return device(lambda x: value(x, 0)), device(lambda x: value(x, 1))


def _large_turns(device: Function) -> Function:
    """Turns in 64 bits, for the bits of a large positive number."""

    @device
    def word(k: Any) -> Any:
        return WHOLE(0) if k == 0 else W1 if k == 1 else W2 if k == 2 else W3

    @device
    def turns(pattern: Any) -> Any:
        start = np.int64((pattern >> 23) & 255) - 86  # e, after the zero bits
        k, shift = start >> 6, WHOLE(start & 63)
        window = word(k) << shift
        if shift > WHOLE(0):
            window |= word(k + 1) >> (WHOLE(64) - shift)
        return WHOLE((pattern & 0x7FFFFF) | 0x800000) * window

    return cast("Function", turns)


def _reduction(device: Function, bits: Function, fma: Function) -> Function:
    """A finite x as n quarter turns and a rest r of at most pi/4: gives (n modulo 4, r)."""
    turns = _large_turns(device)
    a, b, c = PARTS

    @device
    def reduced(x: Any) -> Any:
        size = abs(x)
        if size < LARGE:
            n = np.int64(x * TWO_BY_PI + (NUMBER(0.5) if x > NUMBER(0.0) else NUMBER(-0.5)))
            y = -NUMBER(n)
            return n & 3, fma(y, c, fma(y, b, fma(y, a, x)))
        t = turns(np.int64(bits(size)))
        n = np.int64((t + WHOLE(1 << 61)) >> WHOLE(62))
        r = NUMBER(np.int64(t - (WHOLE(n) << WHOLE(62)))) * TURN
        if x < NUMBER(0.0):
            return -n & 3, -r
        return n & 3, r

    return cast("Function", reduced)
