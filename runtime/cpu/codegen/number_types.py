"""What the kernel modules share."""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine


def number_type(word: int) -> Any:
    """The float type of this many bytes."""
    return kernel_types.float32 if word == 4 else kernel_types.float64


@subroutine(
    kernel_types.int64(
        kernel_types.int64, kernel_types.int64, kernel_types.int64, kernel_types.int64
    )
)
def share_start(extent: Any, grain: Any, thread: Any, threads: Any) -> Any:
    """Where a thread's share of a range begins, which is cut at multiples of `grain` only."""
    return min(extent, grain * ((extent + grain - 1) // grain * thread // threads))
