"""What CUDA kernel text may use, by name, for words of 4 or 8 bytes.

In a float32 run nothing is computed in float64, which is many times slower on most GPUs, but for
the formulas that a kernel defines ahead of its text.  If an operand of `maximum` or `minimum` is
NaN, so is the result, as in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from gradc_compiler.program.kernel_abi import DROPPED
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.cuda_division import division
from gradc_runtime.cuda.cuda_trig import circular

MASK = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)

Functions = dict[str, Callable[..., Any]]


def choices(number: Any) -> Functions:
    """`maximum`, `minimum`, `select` and `step`; and `lost`, what rounding takes from a sum."""
    zero = number(0.0)

    def maximum(a: Any, b: Any) -> Any:
        if a == b:  # 0 is above -0
            return a + b if a == zero else a
        return a if a > b or a != a else b

    def minimum(a: Any, b: Any) -> Any:
        if a == b:
            return -(-a - b) if a == zero else a
        return a if a < b or a != a else b

    def select(condition: Any, a: Any, b: Any) -> Any:
        return a if condition else b

    def step(condition: Any) -> Any:
        return number(1.0) if condition else number(0.0)

    def lost(a: Any, b: Any) -> Any:
        total = a + b
        other = total - a
        rest = (a - (total - other)) + (b - other)
        return rest if total - total == number(0.0) else number(0.0)

    listed = (maximum, minimum, select, step, lost)
    return {function.__name__: shim.device(function) for function in listed}


def sums() -> Functions:
    """Addition and multiplication of a sum of products, which may be fused."""
    return {"plus": shim.device(lambda a, b: a + b), "times": shim.device(lambda a, b: a * b)}


def elementary(number: Any, basis: Functions) -> Functions:
    """Functions made of others."""
    exp, power, one, zero = basis["exp"], basis["power"], number(1.0), number(0.0)

    def sigmoid(x: Any) -> Any:
        e = exp(-abs(x))
        return (one if x >= zero else e) / (one + e)

    def pow_(x: Any, y: Any) -> Any:
        return number(power(x, y))

    return {"sigmoid": shim.device(sigmoid), "pow_": shim.device(pow_)}


def philox_of() -> Any:
    """Two random words of 32 bits, as int64 (Philox4x32-10, see `compiler/ops/random.py`)."""
    m0, m1 = map(np.uint64, MULTIPLIERS)
    w0, w1 = WEYL
    low, upwards = np.uint64(MASK), np.uint64(32)

    @shim.device
    def product(a: Any, b: Any) -> Any:
        """Both words of a product.  Unsigned: that a signed one overflows is not foreseen."""
        p = np.uint64(a) * b
        return np.int64(p >> upwards), np.int64(p & low)

    @shim.device
    def philox(seed: Any, step: Any, example: Any, node: Any, element: Any, time: Any) -> Any:
        c0, c1, c2, c3 = element & MASK, example & MASK, step & MASK, time & MASK
        k0, k1 = seed & MASK, node & MASK
        for _ in range(10):
            (high0, low0), (high1, low1) = product(c0, m0), product(c2, m1)
            c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
            k0, k1 = (k0 + w0) & MASK, (k1 + w1) & MASK
        return c0, c1

    return philox


def draws(number: Any, basis: Functions) -> Functions:
    """Uniform and normal draws: each is a function of where it is used, as in
    `compiler/ops/random.py`.
    """
    log, sqrt, cos, philox = basis["log"], basis["sqrt"], basis["cos"], philox_of()
    scale, half, turn = number(2.0**-24), number(2.0**-25), number(2.0**-23 * math.pi)

    def philox_uniform(
        seed: Any, step: Any, example: Any, node: Any, element: Any, time: Any
    ) -> Any:
        u, _ = philox(seed, step, example, node, element, time)
        return number(u >> 8) * scale

    def philox_normal(
        seed: Any, step: Any, example: Any, node: Any, element: Any, time: Any
    ) -> Any:
        u, v = philox(seed, step, example, node, element, time)
        radius = sqrt(number(-2.0) * log(number(u >> 8) * scale + half))
        return radius * cos(number(v >> 8) * turn)

    return {
        "philox_uniform": shim.device(philox_uniform),
        "philox_normal": shim.device(philox_normal),
    }


@cache
def names(word: int) -> dict[str, Any]:
    """Everything that kernel text may call."""
    number = np.float32 if word == 4 else np.float64
    basis = shim.primitives(word)
    if word == 4 and not shim.SIMULATED:
        basis["sin"], basis["cos"] = circular(shim.device, *shim.bits_and_multiply_add())
    functions = basis | elementary(number, basis) | choices(number) | draws(number, basis)
    functions |= sums() | shim.arithmetic(word)
    functions |= {name: shim.rounding(word, dropped) for name, dropped in DROPPED.items()}
    functions |= shim.tile_functions(word)
    functions |= division(shim.device, word, *shim.whole_arithmetic(word))
    return functions | shim.place() | {"real": number, "wide": np.float64, "index": np.int64}
