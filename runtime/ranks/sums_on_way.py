"""Sums that go from rank to rank, and their totals back, while these go on computing.

    way = SumsOnWay(ranks)
    way.start(messages)     after the stage that makes them
    way.progress()          now and then: whatever can go on without waiting
    way.finish(count)       before what reads the first `count` totals
    way.end()               the end of a step

Every rank adds its own numbers to what the ranks before have, in the order in which one machine
adds them, and passes that on; the last has the totals, which come back the same way.  So a rank
sends each number at most twice, and a message waits for no other, but is never before another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.ranks.group import SUMS, TOTALS, Ranks, Words


@dataclass
class SumMessage:
    """Numbers to be summed over ranks.  `words` receives the sum over the ranks before this one,
    `add` adds this rank's numbers to it, and `take` uses the totals, which lie in `totals`.
    """

    words: Words
    totals: Words
    add: Callable[[], object]
    take: Callable[[Words], object]


class SumsOnWay:
    """The messages of a step, in the order in which all ranks send them."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks, self.world = ranks, ranks.world
        self.before, self.after = ranks.rank - 1, ranks.rank + 1
        self.last = self.after == ranks.size
        self._forget()

    def _forget(self) -> None:
        self.messages: list[SumMessage] = []
        self.coming: list[Any] = []  # pending receives, of sums and of totals
        self.returning: list[Any] = []
        self.sending: list[Any] = []
        self.added = self.taken = 0  # messages
        self.since = 0.0  # when the oldest message on its way was started

    def start(self, messages: Sequence[SumMessage]) -> None:
        """Let messages go: this rank's part of them is known now."""
        if messages and self.taken == len(self.messages):
            self.since = monotonic()
        self.messages += messages
        if not self.ranks.first:
            self.coming += [self.world.Irecv(m.words, self.before, SUMS) for m in messages]
        if not self.last:
            self.returning += [self.world.Irecv(m.totals, self.after, TOTALS) for m in messages]
        size, traffic = sum(m.words.nbytes for m in messages), self.ranks.traffic
        traffic.sent += size * ((not self.last) + (not self.ranks.first))
        traffic.least += size * 2 * (self.ranks.size - 1) / self.ranks.size
        self.progress()

    def progress(self) -> None:
        """Receive, add and pass on whatever can be without waiting."""
        while self.added < len(self.messages) and self._has(self.coming, self.added):
            self._add(self.messages[self.added])
            self.added += 1
        while self.taken < self.added and self._has(self.returning, self.taken):
            self._take(self.messages[self.taken])
            self.taken += 1
            if self.taken == len(self.messages):
                self.ranks.traffic.on_way += monotonic() - self.since

    def _has(self, receipts: Sequence[Any], number: int) -> bool:
        return not receipts or bool(receipts[number].Test())

    def _add(self, message: SumMessage) -> None:
        message.add()
        if not self.last:
            self.sending.append(self.world.Isend(message.words, self.after, SUMS))
        else:
            message.totals[...] = message.words

    def _take(self, message: SumMessage) -> None:
        if not self.ranks.first:
            self.sending.append(self.world.Isend(message.totals, self.before, TOTALS))
        message.take(message.totals)

    def finish(self, count: int) -> None:
        """Wait for the totals of the first `count` messages."""
        if self.taken >= count:
            return
        began = monotonic()

        def are_taken() -> bool:
            self.progress()
            return self.taken >= count

        self.ranks.wait_until(are_taken)
        self.ranks.traffic.held_up += monotonic() - began

    def end(self) -> None:
        """Wait until all is received and sent."""
        self.finish(len(self.messages))
        for request in self.sending:
            self.ranks.wait(request)
        self._forget()
