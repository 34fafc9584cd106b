"""What the kernel modules share."""

from __future__ import annotations

from typing import Any

from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine


def number_type(word: int) -> Any:
    """The float type of this many bytes."""
    return types.float32 if word == 4 else types.float64


@subroutine(types.int64(types.int64, types.int64, types.int64, types.int64))
def share_start(extent: Any, grain: Any, thread: Any, threads: Any) -> Any:
    """Where a thread's share of a range begins, which is cut at multiples of `grain` only."""
    return min(extent, grain * ((extent + grain - 1) // grain * thread // threads))
