"""Memory whose address is a multiple of 64: no vector of numbers straddles a cache line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.machine.machine import MACHINE

LINE = MACHINE.line_bytes


def aligned(words: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A zeroed one-dimensional array that begins on a cache line."""
    raw = np.zeros(words * dtype.itemsize + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + words * dtype.itemsize].view(dtype)
