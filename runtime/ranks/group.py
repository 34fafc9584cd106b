"""The ranks of a run: every wait has an end, and whoever is waited for in vain is named.

    ranks = launched()
    ranks.all_of(value)          what each rank says, in order
    ranks.of_first(value)        what rank 0 says
    ranks.wait_until(done)       for messages (sums go their way in `sums_on_way.py`)

A rank that waits for a message also answers others that ask whether it is alive.  When a rank has
waited too long it asks all others, and gives up with a line that names those that do not answer:
they are lost, or hang.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import RankLost

ASK, ANSWER, STOP, STOPPED, SUMS, TOTALS = range(1, 7)  # tags of messages
LOOKS = 200  # polls of a request before the thread sleeps between polls
NAP = 5e-5  # seconds of sleep between polls, at first
LONG_NAP = 1e-3  # seconds of sleep between polls, after WORTH_A_NAP
WORTH_A_NAP = 0.05  # seconds of waiting after which sleeps are long
ANSWERS = 3.0  # seconds in which a rank that is there answers

Words = NDArray[Any]


@dataclass
class Traffic:
    """What this rank has sent and how long it has waited."""

    steps: int = 0
    sent: int = 0  # bytes
    least: float = 0.0  # the least bytes that would do, on the average over ranks
    waited: float = 0.0  # seconds
    on_way: float = 0.0  # seconds in which some sum was on its way
    held_up: float = 0.0  # of those, seconds in which nothing could be computed meanwhile
    unlike: int = 0  # steps whose sums were taken in another order than one machine's
    idle: int = 0  # the most ranks without a chunk in a step: a batch may have fewer than ranks


class Ranks:
    """All ranks of `MPI.COMM_WORLD`, seen from one of them."""

    def __init__(self, mpi: Any, seconds: float, as_one: bool = False) -> None:
        self.mpi, self.seconds = mpi, seconds
        self.world = mpi.COMM_WORLD.Dup()
        self.rank, self.size = int(self.world.rank), int(self.world.size)
        self.asks = mpi.COMM_WORLD.Dup()  # a communicator only for the question who is alive
        self.traffic = Traffic()
        self.wants_to_stop = self.stops = False
        self.hosts: list[str] = self.all_of(mpi.Get_processor_name())
        self.as_one: bool = self.of_first(as_one)  # whether to keep one machine's bits in any case

    @property
    def first(self) -> bool:
        """Whether this rank writes and speaks."""
        return self.rank == 0

    @property
    def neighbours(self) -> int:
        """How many ranks are on this machine."""
        return self.hosts.count(self.hosts[self.rank])

    def share(self, count: int, rank: int | None = None) -> tuple[int, int]:
        """A rank's part of `count` things, as (from, to)."""
        rank = self.rank if rank is None else rank
        return rank * count // self.size, (rank + 1) * count // self.size

    def all_of(self, value: Any) -> list[Any]:
        """What every rank says, by rank."""
        pickled = self.mpi.pickle.dumps(value)
        counts = np.zeros(self.size, np.int64)
        self.wait(self.world.Iallgather(np.array([len(pickled)], np.int64), counts))
        found = np.empty(int(counts.sum()), np.uint8)
        sent = np.frombuffer(pickled, np.uint8)
        self.wait(self.world.Iallgatherv(sent, [found, counts.tolist()]))
        parts = np.split(found, np.cumsum(counts)[:-1])
        return [self.mpi.pickle.loads(part.tobytes()) for part in parts]

    def of_first(self, value: Any) -> Any:
        """What rank 0 says."""
        return self.all_of(value if self.first else None)[0]

    def gather(self, whole: Words, ends: Sequence[tuple[int, int]]) -> None:
        """Complete an array of which each rank has some rows: `ends` has its (from, to)."""
        row = whole[:1].nbytes
        counts = [(end - begin) * row for begin, end in ends]
        starts = [begin * row for begin, _ in ends]
        words = [whole.view(np.uint8).reshape(-1), counts, starts, self.mpi.BYTE]
        self.wait(self.world.Iallgatherv(self.mpi.IN_PLACE, words))
        self.traffic.sent += counts[self.rank] * (self.size - 1)
        self.traffic.least += sum(counts) * (self.size - 1) / self.size

    def agree(self) -> None:
        """Once a step: stop after it if any rank wants to (`stops`)."""
        mine, found = np.array([self.wants_to_stop], np.int64), np.zeros(1, np.int64)
        self.wait(self.world.Iallreduce(mine, found, self.mpi.MAX))
        self.stops = bool(found[0])
        self.traffic.steps += 1

    def all_stop(self, wanted: bool) -> bool:
        """Whether all are to stop now; a wish is heard in the next step."""
        self.wants_to_stop = wanted
        return self.stops

    def wait(self, request: Any) -> None:
        """Wait for a message.

        Raises `RankLost` where it does not come in time.
        """
        self.wait_until(request.Test)

    def wait_until(self, done: Callable[[], bool]) -> None:
        """Look again and again whether something is done, which takes messages of other ranks.

        Raises `RankLost` where it does not come in time.
        """
        for _ in range(LOOKS):
            if done():
                return
        began = monotonic()
        while not done():
            waited = monotonic() - began
            self.answer()
            if waited > self.seconds + ANSWERS * (self.rank > 0):
                self.give_up()
            sleep(NAP if waited < WORTH_A_NAP else LONG_NAP)
        self.traffic.waited += monotonic() - began

    def answer(self) -> set[int]:
        """Answer the ranks that ask whether this one is alive; returns the ranks that answered."""
        heard: set[int] = set()
        status = self.mpi.Status()
        while self.asks.Iprobe(self.mpi.ANY_SOURCE, self.mpi.ANY_TAG, status):
            word = np.zeros(1, np.int64)
            source, tag = status.Get_source(), status.Get_tag()
            self.asks.Recv(word, source, tag)
            if tag == ASK:
                self.asks.Isend(word, source, ANSWER)
            else:
                heard.add(source)
        return heard

    def give_up(self) -> None:
        """Ask all ranks whether they are alive, and fail with the names of the silent ones.

        Raises `RankLost`, always.
        """
        word, there = np.zeros(1, np.int64), {self.rank}
        kept = [self.asks.Isend(word, r, ASK) for r in range(self.size) if r != self.rank]
        until = monotonic() + ANSWERS
        while monotonic() < until and len(there) < self.size:
            there |= self.answer()
            sleep(LONG_NAP)
        del kept
        lost = [f"{r} (on {self.hosts[r]})" for r in range(self.size) if r not in there]
        self.end_at_exit()
        if not lost:
            raise RankLost(f"no rank is lost, but none has gone on for {self.seconds:g} s")
        which = f"rank {lost[0]} has" if len(lost) == 1 else f"ranks {', '.join(lost)} have"
        raise RankLost(f"{which} not answered for {self.seconds:g} s, and the run ends")

    def end_at_exit(self) -> None:
        """Let all ranks end with this process, which has failed: it cannot leave MPI alone."""
        atexit.register(end, self.mpi, os.getpid())


def end(mpi: Any, process: int) -> None:
    """End all ranks, if this is not a copy of the process that wanted it."""
    if os.getpid() == process:
        mpi.COMM_WORLD.Abort(1)
