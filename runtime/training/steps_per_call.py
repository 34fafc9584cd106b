"""How many steps to take in one native call: as many as fit into a tenth of a second.

A small model's step takes less than a microsecond, so calls hold thousands of steps; a large one's
calls hold one.  The number of steps decides only how often the trainer looks at signals
and the clock, never a result.
"""

from __future__ import annotations

TARGET = 0.1  # seconds of one call
GROWTH = 8  # at most so many times the steps of the call before
LARGEST = 1 << 14  # steps
LARGEST_BYTES = 1 << 25  # of gathered examples


class StepsPerCall:
    """Chooses from the times of calls so far; the first, which may compile, does not count."""

    def __init__(self, bytes_of_batch: int) -> None:
        self.most = max(1, min(LARGEST, LARGEST_BYTES // max(bytes_of_batch, 1)))
        self.steps = 1
        self.calls = 0

    def took(self, steps: int, seconds: float) -> None:
        """Take note of a call."""
        self.calls += 1
        if self.calls > 1:
            fitting = int(TARGET * steps / max(seconds, 1e-9))
            self.steps = max(1, min(fitting, GROWTH * max(steps, self.steps), self.most))
