"""The function that rounds a number to bfloat16 by its bits, as `compiler/ops/bfloat16.py` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc_runtime.cpu.codegen.intrinsics import bits_of, choose, int32_function, of_bits
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import EXACT, subroutine

add, mask, shift = (int32_function(name) for name in ("add", "and_", "ashr"))
UPPER, BELOW_HALF = np.int32(-(2**16)), np.int32(0x7FFF)
HALF, ODD = np.int32(16), np.int32(1)


def functions(number: Any) -> dict[str, Callable[..., Any]]:
    """`to_bfloat` for a kind of number; float64 is rounded to float32 first."""

    single = kernel_types.float32

    def nearest(x: Any) -> Any:
        bits = bits_of(x)
        up = add(BELOW_HALF, mask(shift(bits, HALF), ODD))
        return choose(x == x, of_bits(mask(add(bits, up), UPPER)), x)

    def to_bfloat(x: Any) -> Any:
        return number(nearest(single(x)))

    subroutine(single(single), EXACT)(nearest)
    return {"to_bfloat": subroutine(number(number), EXACT)(to_bfloat)}
