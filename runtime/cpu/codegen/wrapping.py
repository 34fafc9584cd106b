"""Arithmetic of whole numbers that wraps around, as random numbers and large angles need it."""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import intrinsic


def wrapped(instruction: str) -> Any:
    """Addition or multiplication of two whole numbers modulo 2^64.

    Numba marks a plain sum or product as one that never overflows; LLVM may then compute anything
    at all where it does.
    """
    whole = kernel_types.int64

    @intrinsic
    def compute(a: Any, b: Any) -> Any:
        return whole(whole, whole), lambda builder, args: getattr(builder, instruction)(*args)

    return compute


wrapped_sum, wrapped_difference, wrapped_product = map(wrapped, ("add", "sub", "mul"))
