"""What the driver asks of a framework, and how it is timed.

A framework module has `load(threads)` and `build(workload)`, which gives a `Run`.  A step is
forward, backward and update; `wait` returns when everything asked for is done.
"""

from __future__ import annotations

import resource
import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol

SAMPLE = 0.004  # seconds: shorter calls are timed several at once
FEWEST = 5  # samples


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
    """The median of samples taken for `budget` seconds."""
    for _ in range(2):
        wait(call())
    start = perf_counter()
    wait(call())
    turns = max(1, int(SAMPLE / max(perf_counter() - start, 1e-8)))
    samples, begin = [], perf_counter()
    while len(samples) < FEWEST or perf_counter() - begin < budget:
        start = perf_counter()
        for _ in range(turns):
            token = call()
        wait(token)
        samples.append((perf_counter() - start) / turns)
    return statistics.median(samples)


def peak_memory() -> float:
    """The most that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
