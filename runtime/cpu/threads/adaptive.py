"""Online choice between one thread and several, by the times of recent steps.

Several threads are slower than one where a step is short, where another program has one of their
cores, or where workers have to be woken first; none of that is known beforehand.  So both ways are
tried a few times, and the one that was faster of late is kept.  The other is tried again after a
while, since what slowed it down may be over, and the more rarely the longer nothing changes.
Results do not depend on the choice.

Trials cost time, and a step may take longer than any patience.  So the seconds that went the slower
way are counted: they stay below 2% of all seconds worked, but for a first few milliseconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import field

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.records.fast_dataclass import dataclass

WORTH_SHARING = MACHINE.worth_sharing_s  # seconds of a step below which one thread does it alone
WORTH_WAKING = MACHINE.worth_waking_s  # the same for a whole call whose workers sleep
AWAKE = MACHINE.awake_s  # seconds after a call for which its workers stay awake
TRIALS = MACHINE.trials  # of each way; so many count
TRIED = MACHINE.trial_s  # seconds that one trial may take, where a step takes less
PART, FREE = MACHINE.trial_share, MACHINE.trial_free_s  # seconds the slower way
AGAIN, MOST = MACHINE.retry_s, MACHINE.most_retry_s  # seconds to the next trial


def recent() -> deque[float]:
    """Seconds of a step in the last few calls."""
    return deque(maxlen=TRIALS)


@dataclass(slots=True)
class ParallelChoice:
    """Seconds of a step in recent calls, by whether it was shared out, and when to try again.

    At first both ways are tried in turn.  Then every `patience` seconds of work begins a trial of
    the slower way: of several calls, as the first has to wake helpers.
    """

    long: bool = False  # whether a step surely takes milliseconds: the first is shared at once
    times: dict[bool, deque[float]] = field(
        default_factory=lambda: {False: recent(), True: recent()}
    )
    since: float = 0.0  # seconds of work since the last trial
    patience: float = AGAIN
    left: int = 0  # calls to come of a trial
    tried: bool = False  # the way that is on trial
    alone: float = 0.0  # the least of each way's times; 0 if there is none
    together: float = 0.0
    shares: bool = True  # whether sharing is the faster way, as far as is known
    known: bool = False  # whether both ways have been tried often enough
    worked: float = 0.0  # seconds of all calls
    spent: float = 0.0  # seconds of those that went the slower way

    def choose(self, steps: int, longest: float, gap: float = 0.0) -> tuple[int, bool]:
        """How many steps to make in the next call, of at most `longest` seconds; shared or not.

        `gap` is how long ago the last call ended.
        """
        alone, together = self.alone, self.together
        if alone == together == 0:
            return 1, self.long
        worth = WORTH_SHARING if gap < AWAKE else WORTH_WAKING
        if alone and (alone <= WORTH_SHARING or alone * steps <= worth):
            return _fitting(steps, longest, alone), False
        way = self._to_try()
        if way is not None:
            count = _fitting(steps, TRIED, max(alone, together))
            if way == self.shares or self._can_afford(count, way):
                return count, way
        faster = together if self.shares else alone
        return _fitting(steps, min(longest, self.patience), faster or alone), self.shares

    def _to_try(self) -> bool | None:
        """The way of which too little is known, or that is on trial; None where neither is."""
        if not self.known:
            return len(self.times[True]) < len(self.times[False])
        return self.tried if self.left > 0 else None

    def _can_afford(self, steps: int, way: bool) -> bool:
        """Whether so many steps the slower way leave the seconds of trials within their bound."""
        seconds = (self.together if way else self.alone) or 2 * max(self.alone, self.together)
        return self.spent + steps * seconds <= FREE + PART * self.worked

    @property
    def brief(self) -> bool:
        """Whether a call of one step is known to be too short to be worth sharing."""
        return len(self.times[False]) == TRIALS and self.alone <= WORTH_SHARING

    def learn(self, shared: bool, seconds: float, steps: int) -> None:
        """Take note of what each of some steps took."""
        before = self.shares
        self.remember(shared, max(1e-8, seconds))
        self.worked += seconds * steps
        if shared != self.shares:
            self.spent += seconds * steps
        if self.left > 0:
            if shared == self.tried:  # a call too short to be shared is no trial
                self._count_trial()
            return
        if self.shares != before:  # disturbed, perhaps for a moment only
            self.since, self.patience = 0.0, AGAIN
        self.since += seconds * steps
        if self.since >= self.patience:
            self.since, self.left, self.tried = 0.0, TRIALS, not self.shares

    def remember(self, shared: bool, seconds: float) -> None:
        """Keep a time, and which way is now the faster one."""
        times = self.times[shared]
        times.append(seconds)
        if shared:
            self.together = min(times)
        else:
            self.alone = min(times)
        self.shares = self.alone == 0 or self.together <= self.alone
        self.known = self.known or min(map(len, self.times.values())) == TRIALS

    def _count_trial(self) -> None:
        """One more call of a trial is over; as long as none changes anything, they become rarer."""
        self.left -= 1
        if self.left == 0:
            changed = self.shares == self.tried
            self.patience = AGAIN if changed else min(2 * self.patience, MOST)


def _fitting(steps: int, longest: float, seconds: float) -> int:
    """As many of some steps as fit into a time, at so many seconds each; at least one."""
    if steps == 1:
        return 1
    return max(1, min(steps, int(longest / seconds)))
