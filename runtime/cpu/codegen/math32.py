"""Elementary functions of float32 without branches or calls, so that loops over them vectorise.

The usual plan: reduce the argument to a small interval, evaluate a polynomial there, put the parts
together.  Where one rounding too many would show (powers, and sine and cosine next door) inner
steps use float64.  Reductions and polynomials for log, sin and cos are those of FreeBSD's msun.
Background: Muller, *Elementary Functions*, 3rd ed., 2016.

They are compiled without reassociation: `(x - n * HIGH) - n * LOW` must stay as it is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from gradc_runtime.cpu.codegen.intrinsics import (
    bits_of,
    choose,
    int32_function,
    llvm_function,
    of_bits,
    polynomial,
)
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.kernel_types import float32, float64, int32
from gradc_runtime.cpu.codegen.language.subroutines import PRECISE, subroutine
from gradc_runtime.cpu.codegen.trig32 import cos, sin

SINGLE, DOUBLE = kernel_types.float32, kernel_types.float64
ONE, TWO, HALF, ZERO = np.float32(1), np.float32(2), np.float32(0.5), np.float32(0)
INFINITY, NAN = np.float32(np.inf), np.float32(np.nan)
WHOLE = np.float32(3 * 2**22 + 127)  # beside it a float32 has no fraction
WHOLE_BITS = WHOLE.view(np.int32)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
SMALLEST_NORMAL, TWO_23 = np.float32(2.0**-126), np.float32(2.0**23)
TWO_24 = np.float32(2.0**24)
ROOT_HALF_BITS, MANTISSA = np.int32(0x3F3504F3), np.int32(0x7FFFFF)
SIGN = np.int32(-(2**31))
BITS_23, BIAS, SHIFT_1 = np.int32(23), np.int32(127), np.int32(1)

add = int32_function("add")
mask = int32_function("and_")
either = int32_function("or_")
shift_left = int32_function("shl")
shift_right = int32_function("ashr")
floor = llvm_function("floor")
absolute = llvm_function("fabs")

turns = polynomial(SINGLE, 1 / math.log(2), float(WHOLE))
# (exp(r) - 1 - r) / r^2 on |r| <= ln(2) / 2
exp_series = polynomial(
    SINGLE, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5
)
log_series = polynomial(SINGLE, 0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693)
erf_near = polynomial(
    SINGLE, -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1,
    1.28379166e-1,
)  # fmt: skip
erf_far = polynomial(
    SINGLE, -1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1,
    -6.34846687e-1, -1.28717512e-1,
)  # fmt: skip
atanh_series = polynomial(DOUBLE, *(2 / math.log(2) / k for k in (17, 15, 13, 11, 9, 7, 5, 3, 1)))
exp2_series = polynomial(DOUBLE, *(math.log(2) ** k / math.factorial(k) for k in range(10, -1, -1)))


def reduced(x: Any) -> Any:
    """(t, p) with e^x = 2^n (1 + p) and |p| < 0.42; n + 127 is in the lowest bits of t.

    Adding a number so large that float32 has no fraction there rounds x / ln 2 to the whole number
    n.
    """
    t = turns(x)
    n = t - WHOLE
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    return t, exp_series(r) * (r * r) + r


def scale_of(t: Any) -> Any:
    """2^n for -126 <= n <= 127, with n + 127 in the lowest bits of t; 0 for n = -127."""
    return of_bits(shift_left(bits_of(t), BITS_23))


def power_of_two(n: Any) -> Any:
    """2^n for -126 <= n <= 127."""
    return of_bits(shift_left(add(n, BIAS), BITS_23))


def scaled(x: Any, n: Any) -> Any:
    """x 2^n, in two factors so that the result may be below or above the normal numbers."""
    half = shift_right(n, SHIFT_1)
    rest = int32(n - half)
    return x * power_of_two(half) * power_of_two(rest)


def exp(x: Any) -> Any:
    """e^x = 2^n (1 + p)."""
    inside = choose(x > np.float32(89), np.float32(89), x)
    inside = choose(inside < np.float32(-104), np.float32(-104), inside)
    t, p = reduced(inside)
    return scaled(ONE + p, add(bits_of(t), np.int32(-WHOLE_BITS)))


def expm1(x: Any) -> Any:
    """e^x - 1 = 2^n p + (2^n - 1); beyond 60 the 1 does not matter."""
    inside = choose(x > np.float32(60), np.float32(60), x)
    inside = choose(inside < np.float32(-60), np.float32(-60), inside)
    t, p = reduced(inside)
    scale = scale_of(t)
    y = choose(x > np.float32(60), exp(x), scale * p + (scale - ONE))
    return choose(x == ZERO, x, y)


def tanh(x: Any) -> Any:
    """(1 - e) / (1 + e) with e = e^(-2|x|) = 2^n (1 + p), so nothing is lost near 0."""
    size = absolute(x)
    inside = choose(size > np.float32(10), np.float32(10), size)
    t, p = reduced(np.float32(-2) * inside)
    scale = scale_of(t)
    y = ((ONE - scale) - scale * p) / ((ONE + scale) + scale * p)
    return of_bits(either(bits_of(y), mask(bits_of(x), SIGN)))


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), where it is a normal number; 0 below."""
    inside = choose(x > np.float32(87), np.float32(87), x)
    t, p = reduced(-inside)
    scale = scale_of(t)
    high = choose(scale > ONE, scale, ONE)
    low = choose(scale > ONE, ONE, scale)
    y = ONE / (high + (low + scale * p))
    return choose(x < np.float32(-88), ZERO, y)


def split(x: Any) -> Any:
    """(k, m) with x = 2^k m and m from sqrt(1/2) to sqrt(2), for a positive finite x."""
    tiny = x < SMALLEST_NORMAL
    bits = add(bits_of(choose(tiny, x * TWO_23, x)), np.int32(-ROOT_HALF_BITS))
    k = float32(shift_right(bits, BITS_23))
    m = of_bits(add(mask(bits, MANTISSA), ROOT_HALF_BITS))
    return choose(tiny, k - np.float32(23), k), m


def log(x: Any) -> Any:
    """k ln 2 + log(m); log(1 + f) = f - (f^2/2 - s (f^2/2 + R)), s = f / (2 + f)."""
    k, m = split(x)
    f = m - ONE
    s = f / (TWO + f)
    z = s * s
    half_square = HALF * f * f
    y = s * (half_square + z * log_series(z)) + k * np.float32(9.0580006145e-06)
    y = y - half_square + f + k * np.float32(0.69313812256)
    y = choose(x == INFINITY, x, y)
    return choose(x > ZERO, y, choose(x == ZERO, -INFINITY, NAN))


def log1p(x: Any) -> Any:
    """log(u) + c / u with u = 1 + x rounded, and c what was lost."""
    u = ONE + x
    y = log(u) + choose(u > ZERO, (x - (u - ONE)) / u, ZERO)
    return choose((x == ZERO) | (x == INFINITY), x, y)


def erf(x: Any) -> Any:
    """x + x P(x^2) near zero; 1 - exp(Q(|x|)) far from it (polynomials by N. Juffa)."""
    size = absolute(x)
    t = choose(size < np.float32(5), size, np.float32(5))
    y = ONE - exp(erf_far(t) * t - t)
    far = choose(x < ZERO, -y, y)
    near = erf_near(x * x) * x + x
    return choose(x == x, choose(size > np.float32(0.927734375), far, near), x)


def pow_(x: Any, y: Any) -> Any:
    """|x|^y = 2^(y log2 |x|) in float64; the sign is that of x for odd whole y."""
    size = absolute(x)
    k, m = split(size)
    f = float64(m) - 1.0
    s = f / (2.0 + f)
    logarithm = float64(k) + s * atanh_series(s * s)
    logarithm = choose(size == INFINITY, np.inf, choose(size == ZERO, -np.inf, logarithm))
    t = float64(y) * logarithm
    inside = choose(t < 200.0, t, 200.0)
    inside = choose(inside > -200.0, inside, -200.0)
    n = floor(inside + 0.5)
    power = scaled(float32(exp2_series(inside - n)), int32(n))
    whole = floor(y) == y
    odd = whole & (floor(y * HALF) != y * HALF) & (absolute(y) < TWO_24)
    power = choose(odd & (bits_of(x) < 0), -power, power)
    power = choose(
        (x < ZERO) & (size < INFINITY) & (absolute(y) < INFINITY) & (not whole), NAN, power
    )
    power = choose((x == x) & (y == y), power, x + y)
    return choose(
        (x == ONE) | (y == ZERO) | ((size == ONE) & (absolute(y) == INFINITY)), ONE, power
    )


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """The functions by name, declared for kernels."""
    one, two = SINGLE(SINGLE), SINGLE(SINGLE, SINGLE)
    pair = kernel_types.UniTuple(SINGLE, 2)(SINGLE)
    inner: dict[Any, Any] = {
        reduced: pair,
        scale_of: SINGLE(SINGLE),
        power_of_two: SINGLE(kernel_types.int32),
        scaled: SINGLE(SINGLE, kernel_types.int32),
        split: pair,
        pow_: two,
    }
    outer = [exp, expm1, log, log1p, tanh, sigmoid, erf]
    for function, signature in (inner | dict.fromkeys(outer, one)).items():
        subroutine(signature, PRECISE)(function)
    known: list[Any] = [*outer, pow_, sin, cos]
    return {function.__name__: function for function in known}
