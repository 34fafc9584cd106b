"""The count of updates, by which random draws are keyed; it may outgrow the word in a kernel.

A kernel reads the words `seed` and `step` and adds 1 to `step`, of which a draw takes 32 bits.
When these 32 bits overflow, `seed` moves on, along one cycle through all seeds (a full-period
generator of Hull & Dobell, 1962), so that no pair of the two comes again within 2^63 updates.  Both
words persist, so a run that is resumed goes on with the same draws.
"""

from __future__ import annotations

from gradc_runtime.session.state import LARGEST_SEED, StateMemory

ROUND = 2**32  # updates until the bits of `step` that a draw takes come again
MULTIPLIER, INCREMENT = 1103515245, 12345  # 1 modulo 4, and odd: the cycle has every seed


class StepCounter:
    """The two words of a session's memory."""

    def __init__(self, memory: StateMemory) -> None:
        self.step, self.seed = memory.mirrored.get("step"), memory.mirrored.get("seed")

    @property
    def left(self) -> int:
        """How many updates may be made before `seed` must move on."""
        return ROUND if self.step is None else ROUND - int(self.step) % ROUND

    @property
    def count(self) -> int:
        """The word `step` as a count of updates from 0 to 2^32 - 1."""
        count = 0 if self.step is None else int(self.step)
        return count if count >= 0 else count + ROUND  # the top bit is no sign

    def go_round(self) -> None:
        """Let draws follow the next seed."""
        if self.seed is not None:
            self.seed[...] = (int(self.seed) * MULTIPLIER + INCREMENT) % (LARGEST_SEED + 1)
