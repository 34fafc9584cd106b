"""Functions that round a number to bfloat16 or TF32 by its bits, as `ops/bfloat16.py` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc_compiler.program.kernel_abi import DROPPED
from gradc_runtime.cpu.codegen.intrinsics import bits_of, choose, int32_function, of_bits
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import EXACT, subroutine

add, mask, shift = (int32_function(name) for name in ("add", "and_", "ashr"))
ODD = np.int32(1)


def functions(number: Any) -> dict[str, Callable[..., Any]]:
    """`to_bfloat` and `to_tfloat` for a kind of number; float64 is rounded to float32 first."""
    return {name: _rounding(number, dropped) for name, dropped in DROPPED.items()}


def _rounding(number: Any, dropped: int) -> Callable[..., Any]:
    """The function that rounds to numbers without so many bits."""
    single = kernel_types.float32
    count, upper = np.int32(dropped), np.int32(-(1 << dropped))
    below_half = np.int32((1 << dropped - 1) - 1)

    def nearest(x: Any) -> Any:
        bits = bits_of(x)
        up = add(below_half, mask(shift(bits, count), ODD))
        return choose(x == x, of_bits(mask(add(bits, up), upper)), x)

    def rounded(x: Any) -> Any:
        return number(nearest(single(x)))

    subroutine(single(single), EXACT)(nearest)
    made: Callable[..., Any] = subroutine(number(number), EXACT)(rounded)
    return made
