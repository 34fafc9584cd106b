"""Memory whose address is a multiple of 64: no vector of numbers straddles a cache line."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.machine.machine import MACHINE

LINE = MACHINE.line_bytes
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # names of `mallopt`, from malloc.h
MOST = 2**31 - 1  # that it takes


def aligned(words: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A zeroed one-dimensional array that begins on a cache line."""
    raw = np.zeros(words * dtype.itemsize + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + words * dtype.itemsize].view(dtype)


def keep_freed_memory() -> None:
    """Let this process use the memory of arrays again that it has freed.

    The allocator gives large arrays back to the operating system at once and gets cleared pages for
    the next, at a second a gigabyte; that is most of the time of a command which runs each of many
    large programs once.  Until the process ends, what it had at most stays with it.  Allocators
    that know no `mallopt` go on as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, MOST)
        mallopt(TRIM_THRESHOLD, MOST)
