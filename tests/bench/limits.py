"""How near the real sizes are to what this machine can do, and how much faster than PyTorch.

    python tests/bench/limits.py              # S1 to S5, two threads, by the clock on the wall
    python tests/bench/limits.py --only VGG   # any workloads of workloads.py
    python tests/bench/limits.py --alone      # one thread, seconds of the processor: a busy machine
    python tests/bench/limits.py --kernels 3  # and the kernels that lose most

A step's limit is the longer of two times: of its operations at the rate of a large product whose
operands lie in the nearest cache, and of the bytes that it must move at the bandwidth of memory.
gradc and PyTorch (eager) take turns.  A size is met at twice PyTorch's speed or 85% of the limit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from time import perf_counter, process_time
from typing import Any

import with_gradc
from needed import work_of
from report import REAL_SHARE, REAL_TIMES
from workloads import WORKLOADS, Workload

from gradc_runtime.cli.actions.bench import instructions
from gradc_runtime.cpu.tuning.roofline import Clock, Roofline, measure

HEAD = (
    "size        GFLOP    MB  limit ms (binds)   gradc best / median   of limit   x PyTorch   met"
)


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="S1,S2,S3,S4,S5", help="beginnings of names")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--kernels", type=int, default=0)
    given = parser.parse_args()
    clock, threads = (process_time, 1) if given.alone else (perf_counter, 2)
    print(HEAD)
    for name, row in WORKLOADS.items():
        if name.startswith(tuple(given.only.split(","))):
            for line in lines(row, threads, given.turns, clock, given.kernels):
                print(line, flush=True)


def lines(row: Workload, threads: int, turns: int, clock: Clock, kernels: int) -> Iterator[str]:
    """A size's figures, and its worst kernels."""
    run = ours(row, threads)
    limits = measure(threads, clock=clock)
    times = in_turns({"gradc": run.step, **theirs(row, threads)}, turns, clock)
    limits = better(limits, measure(threads, clock=clock))
    yield figures(row.name, work_of(run.session, run.given, run.types), limits, times)
    if kernels:
        yield from worst(run, row.batch, measure(1, clock=clock), kernels)


def in_turns(
    runs: dict[str, Callable[[], Any]], turns: int, clock: Clock
) -> dict[str, list[float]]:
    """Seconds of steps, in turns.  The first step of a turn is not timed: the other's threads still
    wait actively for work, and the caches are the other's.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns):
        for name, step in runs.items():
            step()
            start = clock()
            step()
            times[name].append(clock() - start)
    return times


def worst(run: with_gradc.Run, batch: int, limits: Roofline, count: int) -> Iterator[str]:
    """The instructions that lose most to their limits, on one thread."""
    (step,) = run.session.training.steps
    runner = run.session.runner(step.entry)
    found = instructions(runner.variant(batch), runner, run.data, limits)
    for line in sorted(found, key=lambda line: line.limit - line.seconds)[:count]:
        share = line.limit / max(line.seconds, line.limit)
        yield f"    {1e3 * line.seconds:8.2f} ms  {share:4.0%}  {line.kernel:14} {line.what}"


def ours(row: Workload, threads: int) -> with_gradc.Run:
    """gradc, after its first step."""
    with_gradc.load(threads)
    run = with_gradc.Run(row, "cpu")
    run.step()
    return run


def theirs(row: Workload, threads: int) -> dict[str, Callable[[], Any]]:
    """A step of PyTorch, where that is installed."""
    if find_spec("torch") is None:
        return {}
    module = import_module("with_torch")
    module.load(threads)
    run = module.Run(row, "")
    run.step()
    return {"torch": run.step}


def better(one: Roofline, other: Roofline) -> Roofline:
    """The higher of two measurements, as others may have had the machine meanwhile."""
    bandwidth = {size: max(rate, other.bandwidth[size]) for size, rate in one.bandwidth.items()}
    return Roofline(one.threads, max(one.operations, other.operations), bandwidth)


def figures(
    name: str, work: dict[str, float], limits: Roofline, times: dict[str, list[float]]
) -> str:
    """A line: what must be done, how long that takes at least, how long it took."""
    footprint = work["footprint"]
    by_work = limits.seconds(operations=work["operations"], bytes=0, footprint=footprint)
    by_bytes = limits.seconds(operations=0, bytes=work["bytes"], footprint=footprint)
    least, binds = max((by_work, "operations"), (by_bytes, "bytes"))
    best, middle = min(times["gradc"]), median(times["gradc"])
    share = least / best
    faster = median(times["torch"]) / middle if "torch" in times else 0.0
    met = "yes" if share >= REAL_SHARE or faster >= REAL_TIMES else "no"
    return (
        f"{name:10} {work['operations'] / 1e9:6.1f} {work['bytes'] / 1e6:5.0f}  "
        f"{1e3 * least:7.1f} ({binds:10})  {1e3 * best:8.1f} / {1e3 * middle:7.1f}     "
        f"{share:6.0%}   {faster:9.2f}   {met}"
    )


if __name__ == "__main__":
    main()
