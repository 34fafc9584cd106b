"""Two pinned buffers through which arrays go to a GPU beside its work.

A copy from memory that the system may move is made by the driver at once, and holds up the host.
From pinned memory the GPU fetches it by itself.  While one buffer is on its way, the host fills the
other; an event for each says when it may be filled again.
"""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cuda.devices.driver_calls import Driver

SIZE = MACHINE.gpu_piece


class PinnedBuffers:
    """Buffers in turn, and the stream on which they are sent."""

    def __init__(self, driver: Driver, stream: Any) -> None:
        self.driver, self.stream = driver, stream
        self.turn = 1
        self._buffers: list[tuple[int, NDArray[Any], Any]] = []

    def send(self, address: int, values: NDArray[Any]) -> None:
        """Copy bytes to the GPU, in as many parts as it takes."""
        for start in range(0, values.size, SIZE):
            part = values[start : start + SIZE]
            place, buffer, event = self._next()
            buffer[: part.size] = part
            self.driver("cuMemcpyHtoDAsync", address + start, place, part.size, self.stream)
            self.driver("cuEventRecord", event, self.stream)

    def _next(self) -> tuple[int, NDArray[Any], Any]:
        """The buffer whose turn it is, once what it had has been fetched."""
        if len(self._buffers) < 2:
            place = int(self.driver("cuMemHostAlloc", SIZE, 0))
            weakref.finalize(self, self.driver, "cuMemFreeHost", place)
            memory = (ctypes.c_uint8 * SIZE).from_address(place)
            event = self.driver("cuEventCreate", 2)
            self._buffers.append((place, np.ctypeslib.as_array(memory), event))
            return self._buffers[-1]
        self.turn = 1 - self.turn
        found = self._buffers[self.turn]
        self.driver("cuEventSynchronize", found[2])
        return found
