"""Measure an entry with blocks of other sizes than the cost model's, and choose the fastest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from gradc_compiler.program.entry import Entry
from gradc_compiler.program.variants import variant
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.partition.tuned_tiles import other_blocks
from gradc_runtime.data.arrays.checked import Batches

ROUNDS = 7  # in which the sizes take turns, as machines drift
SECONDS = 0.03  # of one size in a round
WARM = 8  # runs, in which an executable finds out whether to share the work out
WORTH = 0.97  # of the time before: the least gain that is no accident


@dataclass(frozen=True, slots=True)
class Tuned:
    """The size of a block that was chosen, and the seconds of a run before and after."""

    block: int
    before: float
    after: float


def tune(
    entry: Entry, words: NDArray[Any], threads: int, inputs: Batches, batch: int
) -> Tuned | None:
    """The fastest blocks for batches of this size; `words` are what persists, and are left alone.

    None where there is nothing to choose: a small batch may be a single kernel.
    """
    if variant(entry, batch) is not entry:
        return None
    persistent = words.copy()

    def prepared(block: int) -> Callable[[], float]:
        executable = Executable(entry, persistent, words.dtype, threads, block)
        for _ in range(WARM):
            executable.run(inputs, batch=batch)
        return lambda: seconds(lambda: executable.run(inputs, batch=batch))

    times = medians([entry.block, *other_blocks(entry, words.itemsize, batch)], prepared)
    block = chosen(entry.block, times)
    return Tuned(block, times[entry.block], times[block])


def medians(
    blocks: Iterable[int], prepared: Callable[[int], Callable[[], float]]
) -> dict[int, float]:
    """The median time of each over the rounds."""
    timers = {block: prepared(block) for block in blocks}
    rounds = [{block: timer() for block, timer in timers.items()} for _ in range(ROUNDS)]
    return {block: median(times[block] for times in rounds) for block in timers}


def chosen(first: int, times: dict[int, float]) -> int:
    """The fastest, if it is clearly faster than the estimate."""
    best = min(times, key=times.__getitem__)
    return best if times[best] < WORTH * times[first] else first


def seconds(run: Callable[[], object]) -> float:
    """Of one run, out of as many as take a while."""
    count, start = 0, perf_counter()
    while (passed := perf_counter() - start) < SECONDS or count == 0:
        run()
        count += 1
    return passed / count
