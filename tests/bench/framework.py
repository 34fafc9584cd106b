"""What the driver asks of a framework, and how it is timed.

A framework module has `load(threads)` and `build(workload)`, which gives a `Run`.  A step is
forward, backward and update; `wait` returns when everything asked for is done.
"""

from __future__ import annotations

import os
import resource
import statistics
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

SAMPLE = 0.004  # seconds: shorter calls are timed several at once
FEWEST = 5  # samples
WINDOWS, QUIET = 6, 0.1  # tries, and how much of a core others may take
STAT, CLOCK = Path("/proc/stat"), os.sysconf("SC_CLK_TCK")


class Run(Protocol):
    """A workload in one framework."""

    steps: int  # that one call of `advance` makes

    def step(self) -> Any:
        """One step; gives the loss."""

    def advance(self) -> Any:
        """Several steps at once, where the framework can."""

    def infer(self) -> Any:
        """The network's output on the batch."""

    def wait(self, token: Any) -> None:
        """Until what `step`, `advance` or `infer` gave is finished."""

    def loss(self, token: Any) -> float:
        """The number that `step` gave."""


def seconds(call: Callable[[], Any], wait: Callable[[Any], None], budget: float) -> float:
    """The median of samples taken for `budget` seconds, while nothing else runs if possible.

    A window in which other processes took part of the machine is taken again, a few times; the
    quietest counts.
    """
    for _ in range(2):
        wait(call())
    start = perf_counter()
    wait(call())
    turns = max(1, int(SAMPLE / max(perf_counter() - start, 1e-8)))
    quietest, found = float("inf"), 0.0
    for _ in range(WINDOWS):
        before, begin = others(), perf_counter()
        samples = window(call, wait, turns, budget)
        busy = (others() - before) / (perf_counter() - begin)
        if busy < quietest:
            quietest, found = busy, statistics.median(samples)
        if quietest < QUIET:
            break
    return found


def window(
    call: Callable[[], Any], wait: Callable[[Any], None], turns: int, budget: float
) -> list[float]:
    """Seconds of each call, `turns` of them in a sample."""
    samples: list[float] = []
    begin = perf_counter()
    while len(samples) < FEWEST or perf_counter() - begin < budget:
        start = perf_counter()
        for _ in range(turns):
            token = call()
        wait(token)
        samples.append((perf_counter() - start) / turns)
    return samples


def others() -> float:
    """Seconds of processor time that other processes, or the host, have taken so far."""
    if not STAT.exists():
        return 0.0
    user, nice, system, _, _, irq, soft, steal = map(int, STAT.read_text().split()[1:9])
    own = os.times()
    return (user + nice + system + irq + soft + steal) / CLOCK - own.user - own.system


def peak_memory() -> float:
    """The most that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
