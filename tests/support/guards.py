"""Buffers between guards, so that a kernel that writes outside is caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_runtime.system.aligned_memory import aligned

GUARD, CANARY = 1024, 0xA5
SPACES = ("uniform", "_partials")  # of a CPU executable, beside BLOCK


class Guards:
    """Copies of arrays with room before and behind, which nobody may touch."""

    def __init__(self) -> None:
        self.rooms: list[NDArray[np.uint8]] = []

    def around(self, array: NDArray[Any]) -> NDArray[Any]:
        """A copy of the array between two guards."""
        room = aligned(array.nbytes + 2 * GUARD, np.dtype(np.uint8))
        room[:] = CANARY
        inner = room[GUARD : GUARD + array.nbytes].view(array.dtype).reshape(array.shape)
        inner[...] = array
        self.rooms.append(room)
        return inner

    def surround(self, executable: Any) -> None:
        """Move the executable's spaces, and the arrays it will make, before it has run."""
        for name in SPACES:
            if hasattr(executable, name):
                setattr(executable, name, self.around(getattr(executable, name)))
        if hasattr(executable, "_make_room"):
            executable._make_room = self._guarding_blocks(executable, executable._make_room)
        if exchange := getattr(executable, "exchange", None):
            for name in ("empty", "zeros"):
                setattr(exchange, name, self._guarding(getattr(exchange, name)))

    def _guarding(self, make: Callable[..., NDArray[Any]]) -> Callable[..., NDArray[Any]]:
        return lambda *arguments: self.around(make(*arguments))

    def _guarding_blocks(self, executable: Any, make: Callable[..., None]) -> Callable[..., None]:
        """BLOCK is made anew for larger tiles and longer sequences."""

        def guarded(*arguments: Any) -> None:
            make(*arguments)
            executable._blocks = self.around(executable._blocks)

        return guarded

    def check(self) -> None:
        """No guard was overwritten."""
        for room in self.rooms:
            assert (room[:GUARD] == CANARY).all(), "a kernel wrote before its buffer"
            assert (room[-GUARD:] == CANARY).all(), "a kernel wrote behind its buffer"
