"""Whether a step is worth sharing out over threads: what it took alone, and what together.

Threads that wait for one another at barriers lose where a step is short or another program has one
of their cores, and where helpers have to be woken.  So both ways are tried a few times, and the one
that was faster of late is kept; now and then the other gets another chance.  Results do not depend
on it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WORTH_SHARING = 10e-6  # seconds of work in a step below which one thread does it alone
WORTH_WAKING = 60e-6  # the same for a whole call whose helpers sleep: to wake one takes 20 to 30
AWAKE = 30e-6  # seconds after a call for which its helpers stay awake
TRIALS = 3  # of each way; so many count
TRIED = 4e-3  # seconds that one trial may take, where a step takes less
AGAIN = 100  # calls after which the slower way is tried again, as often: the first wakes helpers


def recent() -> deque[float]:
    """Seconds of a step in the last few calls."""
    return deque(maxlen=TRIALS)


@dataclass(slots=True)
class Sharing:
    """Seconds of a step in recent calls, by whether it was shared out."""

    times: dict[bool, deque[float]] = field(
        default_factory=lambda: {False: recent(), True: recent()}
    )
    since: int = 0  # calls since both ways were tried

    def choose(self, steps: int, longest: float, gap: float = 0.0) -> tuple[int, bool]:
        """How many steps to make in the next call, of at most `longest` seconds; shared or not.

        `gap` is how long ago the last call ended.
        """
        if not self.times[False]:
            return 1, False
        alone = min(self.times[False])
        worth = WORTH_SHARING if gap < AWAKE else WORTH_WAKING
        if alone <= WORTH_SHARING or alone * steps <= worth:
            return _fitting(steps, longest, alone), False
        tried = {way: len(times) for way, times in self.times.items()}
        if min(tried.values()) < TRIALS:
            return _fitting(steps, TRIED, alone), tried[True] < tried[False]
        together = min(self.times[True])
        trial = self.since >= AGAIN
        shared = (together <= alone) != trial
        return _fitting(steps, TRIED if trial else longest, max(alone, together)), shared

    @property
    def brief(self) -> bool:
        """Whether a call of one step is known to be too short to be worth sharing."""
        return len(self.times[False]) == TRIALS and min(self.times[False]) <= WORTH_SHARING

    def learn(self, shared: bool, seconds: float) -> None:
        """Take note of what a step took."""
        self.times[shared].append(max(1e-8, seconds))
        self.since = (self.since + 1) % (AGAIN + TRIALS)


def _fitting(steps: int, longest: float, seconds: float) -> int:
    return max(1, min(steps, int(longest / seconds)))
