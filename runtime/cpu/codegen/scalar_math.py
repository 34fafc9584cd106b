"""The functions that generated kernels may call, by the size of a word.

In float32 each is a polynomial without a branch, so that LLVM turns the loop around it into vector
code; a call of the C library would stop that.  In float64 accuracy comes first, and the C library
is called.  Both keep what IEEE asks of NaN, infinities and zeros.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from gradc_runtime.cpu.codegen import floor_division, math32, round_bits, simd
from gradc_runtime.cpu.codegen.compensated import compensated
from gradc_runtime.cpu.codegen.intrinsics import (
    choose,
    likely,
    llvm_function,
    of_a_sum,
    pointer_reader,
)
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import EXACT, PRECISE, subroutine
from gradc_runtime.cpu.codegen.number_types import number_type
from gradc_runtime.cpu.codegen.wrapping import wrapped_product

MASK = 0xFFFFFFFF
MULTIPLIER_0, MULTIPLIER_1 = 0xD2511F53, 0xCD9E8D57
WEYL_0, WEYL_1 = 0x9E3779B9, 0xBB67AE85
absolute = llvm_function("fabs")

TINY = 2.0**-1022  # the least normal number of float64


def double_functions() -> dict[str, Callable[..., Any]]:
    """Functions of float64."""

    def sigmoid(x: float) -> float:
        e = math.exp(-absolute(x))
        return (1.0 if x >= 0.0 else e) / (1.0 + e) if x == x else x

    def pow_(x: float, y: float) -> float:
        return math.pow(choose(absolute(x) < TINY, x * 0.0, x), y)

    def log(x: float) -> float:
        """The library reads the bits of x: below the normal range they are made those of 0."""
        return math.log(choose(absolute(x) < TINY, x * 0.0, x))

    one, two = (
        kernel_types.float64(kernel_types.float64),
        kernel_types.float64(kernel_types.float64, kernel_types.float64),
    )
    own = {"sigmoid": subroutine(one, PRECISE)(sigmoid), "pow_": subroutine(two, PRECISE)(pow_)}
    own["log"] = subroutine(one, PRECISE)(log)
    library = ("exp", "log1p", "expm1", "tanh", "erf", "sin", "cos")
    return own | {name: getattr(math, name) for name in library}


def comparisons(number: Any) -> dict[str, Callable[..., Any]]:
    """Greatest, least, choice: NaN wins, as in NumPy."""

    def step(condition: Any) -> Any:
        return choose(condition, number(1.0), number(0.0))

    greatest, least = llvm_function("maximum", 2), llvm_function("minimum", 2)
    return {
        "maximum": greatest,
        "max": greatest,
        "minimum": least,
        "min": least,
        "step": subroutine(number(kernel_types.boolean))(step),
        "select": choose,
    }


def mean_of(number: Any) -> Any:
    """A sum divided by a count, without the wait for a division where the count is a power of 2."""

    def mean(total: Any, count: Any) -> Any:
        if likely(count & (count - 1) == 0):
            return total * (number(1.0) / number(count))
        return total / number(count)

    return subroutine(number(number, kernel_types.int64), EXACT)(mean)


WHOLE = kernel_types.int64


@subroutine(kernel_types.UniTuple(WHOLE, 2)(*[WHOLE] * 6))
def philox(
    seed: int, step: int, example: int, node: int, element: int, time: int
) -> tuple[int, int]:
    """Two random words of 32 bits, as int64 (Philox4x32-10, see `compiler/ops/random.py`)."""
    c0, c1, c2, c3 = element & MASK, example & MASK, step & MASK, time & MASK
    k0, k1 = seed & MASK, node & MASK
    for _ in range(10):
        p0 = wrapped_product(c0, MULTIPLIER_0)
        p1 = wrapped_product(c2, MULTIPLIER_1)
        c0, c1 = ((p1 >> 32) & MASK) ^ c1 ^ k0, p1 & MASK
        c2, c3 = ((p0 >> 32) & MASK) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + WEYL_0) & MASK, (k1 + WEYL_1) & MASK
    return c0, c1


def draws(number: Any, log: Any, cos: Any, sqrt: Any) -> dict[str, Callable[..., Any]]:
    """Uniform and normal draws: each is a function of where it is used, as in
    `compiler/ops/random.py`.
    """
    scale, half = 2.0**-24, 2.0**-25

    def philox_uniform(
        seed: Any, step: Any, example: Any, node: Any, element: Any, time: Any
    ) -> Any:
        u, _ = philox(seed, step, example, node, element, time)
        return number(u >> 8) * number(scale)

    def philox_normal(
        seed: Any, step: Any, example: Any, node: Any, element: Any, time: Any
    ) -> Any:
        u, v = philox(seed, step, example, node, element, time)
        radius = sqrt(number(-2.0) * log(number(u >> 8) * number(scale) + number(half)))
        return radius * cos(number(v >> 8) * number(scale * 2.0 * math.pi))

    signature = number(*[WHOLE] * 6)
    return {
        "philox_uniform": subroutine(signature)(philox_uniform),
        "philox_normal": subroutine(signature, PRECISE)(philox_normal),
    }


@cache
def names(word: int) -> dict[str, Any]:
    """What kernel text may use, by name."""
    number = number_type(word)
    functions = math32.functions() if word == 4 else double_functions()
    functions |= {"sqrt": llvm_function("sqrt"), "abs_": absolute, "floor": llvm_function("floor")}
    return {
        **functions,
        **comparisons(number),
        **floor_division.functions(word, number),
        **round_bits.functions(number),
        **draws(number, functions["log"], functions["cos"], functions["sqrt"]),
        **simd.names(number),
        "plus": of_a_sum("fadd"),
        "times": of_a_sum("fmul"),
        "mean": mean_of(number),
        "real": number,
        "wide": kernel_types.float64,
        "lost": compensated(number)["lost"],
        "index": kernel_types.int64,
        "narrow": range,
        "reals": pointer_reader(number),
        "indices": pointer_reader(kernel_types.int32 if word == 4 else kernel_types.int64),
    }
