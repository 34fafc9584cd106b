"""What the modules of kernels share: the types of numbers, and how a range is shared by threads."""

from __future__ import annotations

from typing import Any

from gradc_compiler.program import kernel_abi
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine


def number_type(word: int) -> Any:
    """The float type of this many bytes."""
    return kernel_types.float32 if word == 4 else kernel_types.float64


def pointer_type(word: int) -> Any:
    """The type of a pointer to floats of this many bytes."""
    return kernel_types.CPointer(number_type(word))


share_start = subroutine(kernel_types.int64(*[kernel_types.int64] * 4))(kernel_abi.share_start)
