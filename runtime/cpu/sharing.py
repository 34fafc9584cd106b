"""Whether a step is worth sharing out over threads: what it took alone, and what together.

Threads that wait for one another at barriers lose where a step is short or another program has one
of their cores.  So both ways are tried a few times on a handful of steps, and the one that was
faster at its best is kept; results do not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WORTH_SHARING = 20e-6  # seconds of work in a step below which one thread does it alone
WORTH_WAKING = 100e-6  # the same for a whole call: waking a helper takes some tens of microseconds
TRIALS = 3  # of each way
TRIED = 1e-3  # seconds that one trial may take, where a step takes less


@dataclass(slots=True)
class Sharing:
    """The best seconds of a step so far on one thread and on all, and how often each was tried."""

    best: dict[bool, float] = field(default_factory=dict)  # by whether it was shared out
    tried: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})

    def choose(self, steps: int, longest: float) -> tuple[int, bool]:
        """How many steps to make in the next call, of at most `longest` seconds; shared or not."""
        alone = self.best.get(False)
        if alone is None:
            return 1, False
        if alone <= WORTH_SHARING or alone * steps <= WORTH_WAKING:
            return self._fitting(steps, longest, alone), False
        if min(self.tried.values()) < TRIALS:
            shared = self.tried[True] < self.tried[False]
            return self._fitting(steps, TRIED, alone), shared
        shared = self.best[True] <= alone
        return self._fitting(steps, longest, self.best[shared]), shared

    def learn(self, shared: bool, seconds: float) -> None:
        """Take note of what a step took."""
        self.best[shared] = max(1e-8, min(seconds, self.best.get(shared, seconds)))
        self.tried[shared] += 1

    def _fitting(self, steps: int, longest: float, seconds: float) -> int:
        return max(1, min(steps, int(longest / seconds)))
