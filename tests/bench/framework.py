"""What the driver asks of a framework, and how it is timed.

A framework module has `load(threads)`, `covers(workload, variant)` (whether it can do it, and it
makes sense), and `build(workload, variant)`, which gives a `Run`.  A step is forward, backward and
update; `wait` returns when everything asked for is done.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np

SAMPLE = 0.004  # seconds: shorter calls are timed several at once
FEWEST = 5  # samples
WINDOWS, QUIET = 6, 0.1  # tries, and how much of a core others may take
STAT, CLOCK = Path("/proc/stat"), os.sysconf("SC_CLK_TCK")
STATUS = Path("/proc/self/status")


class Run(Protocol):
    """A workload in one framework."""

    steps: int  # that one call of `advance` makes; 0 if all it can do is infer

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

    def numbers(self, token: Any) -> np.ndarray:
        """The output that `infer` gave, an example a row."""


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
    """The most that this process has held since its program was loaded, in MB.

    `getrusage` would count what its parent held when it was started.
    """
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
