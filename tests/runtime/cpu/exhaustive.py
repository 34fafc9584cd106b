"""Every float32 through a function of one number: the worst error, found by a native loop.

The truth is the C library's in float64, rounded to float32: within half a unit of the last place.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc_runtime.cpu.codegen import build_kernel, math32
from gradc_runtime.cpu.codegen.intrinsics import (
    bits_of,
    choose,
    llvm_function,
    of_bits,
    pointer_reader,
)
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import PRECISE, subroutine
from gradc_runtime.cpu.codegen.language.translate import names_of, translate, tree_of
from gradc_runtime.cpu.objects import link

NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)
ALL = 1 << 32
STEP_OF_UNIT, LEAST_UNIT = 2.0**-23, 2.0**-149
EXPONENT = np.int32(0x7F800000)
doubles = pointer_reader(kernel_types.float64)
absolute = llvm_function("fabs")


@subroutine(kernel_types.float64(kernel_types.float64), PRECISE)
def true_sigmoid(x: Any) -> Any:
    """Below the normal numbers the function gives 0, as every number there is in a step."""
    return choose(x < -88.0, 0.0, 1.0 / (1.0 + math.exp(-x)))


TRUE: dict[str, Any] = {
    "exp": math.exp, "log": math.log, "tanh": math.tanh, "sigmoid": true_sigmoid,
    "erf": math.erf, "sin": math.sin, "cos": math.cos, "expm1": math.expm1, "log1p": math.log1p,
}  # fmt: skip


@dataclass(frozen=True)
class Worst:
    """The largest error in units of the last place, where it is, and how many special cases (NaN,
    infinity) are missed."""

    units: float
    at: float
    missed: int


def checker(function: Any, true: Any) -> Callable[..., None]:
    """A kernel over the bits begin..end, every geometry[0]-th: found = [units, bits, missed]."""

    def check(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        found = doubles(pointers, 0)
        for i in range(begin, end, geometry[0]):
            x = of_bits(np.int32(i))
            y = function(x)
            exact = true(np.float64(x))
            expected = np.float32(exact)
            if expected != expected or absolute(expected) == np.float32(np.inf):
                right = (y == expected) | ((y != y) & (expected != expected))
                found[2] += 0.0 if right else 1.0
            else:
                unit = np.float64(of_bits(bits_of(expected) & EXPONENT)) * STEP_OF_UNIT
                error = absolute(np.float64(y) - exact) / choose(unit > 0.0, unit, LEAST_UNIT)
                if not error <= found[0]:
                    found[0] = error
                    found[1] = np.float64(i)

    return check


def native(name: str) -> Any:
    """The compiled checker of a function."""
    check = checker(math32.functions()[name], TRUE[name])
    symbol = f"check_{name}"
    if not link.is_loaded(symbol):
        written = translate(symbol, tree_of(check), names_of(check))
        module = build_kernel.machine_module(written, symbol, build_kernel.LIBRARY_LEVEL)
        link.load({symbol: build_kernel.target_machine().emit_object(module)})
    return NATIVE(link.address(symbol))


def worst_of(name: str, step: int, threads: int = 2) -> Worst:
    """Over every `step`-th float32, bits counted as a whole number."""
    call, parts = native(name), 16 * threads
    bounds = [k * (ALL // step) // parts * step for k in range(parts)] + [ALL]

    def part(k: int) -> Any:
        found, geometry = np.zeros(3), np.array([step])
        address = np.array([found.ctypes.data])
        call(address.ctypes.data, geometry.ctypes.data, bounds[k], bounds[k + 1], 0)
        return found

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(part, range(parts)))
    units, bits, _ = max(results, key=lambda found: float(found[0]))
    at = float(np.array([int(bits)], np.uint32).view(np.float32)[0])
    return Worst(float(units), at, int(sum(found[2] for found in results)))
