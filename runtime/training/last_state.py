"""A copy of the state from some calls ago, from which steps are repeated when one goes wrong.

A step changes weights and moments in place.  When a loss turns out not to be finite, they have been
changed already, and no step can be undone.  Yet the message names the step, the batch and the
operator, and the run ends with the state before that step; the last checkpoint may be long ago, or
there is none.  So one copy of the state is kept in memory.  It is not made before every call, which
costs 14 ms of a step of 100 ms for a wide network with Adam (280 MB).  An epoch's batches can be
had again in their order, and the same steps give the same bits: so a copy serves several calls.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np

from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import Epoch
from gradc_runtime.session.state import StateMemory

CALLS = 16  # that one copy serves; so many are taken again at most


class LastState:
    """A copy of the words, and the batch of the epoch that was next when it was made."""

    def __init__(self, memory: StateMemory) -> None:
        self.memory = memory
        self.copy = np.empty_like(memory.mirror)
        self.batch = 0
        self.calls = CALLS  # since the copy was made; there is none yet

    def keep(self, batch: int) -> None:
        """Before a call that begins with a batch: copy, if the last copy has served its calls."""
        if self.calls >= CALLS:
            self.memory.copy_to(self.copy)
            self.batch, self.calls = batch, 0
        self.calls += 1

    def forget(self) -> None:
        """Another epoch begins, or the words are no longer those of the last call."""
        self.calls = CALLS

    def take_again(
        self,
        step: Callable[[Batches], object],
        epoch: Callable[[int], Epoch],
        batch: int,
        size: int,
    ) -> None:
        """Bring the words back to what they were before a call that began with this batch.

        `epoch` gives the examples of the epoch from one on, `size` of them are a batch.
        """
        self.memory.words[...] = self.copy
        with closing(epoch(self.batch * size)) as order:
            for start in range(self.batch * size, batch * size, size):
                step(order.take(start, start + size))
