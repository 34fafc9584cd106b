"""Two checkouts of gradc side by side, on one thread: what a change has done to a training step.

    python tests/bench/before_after.py OLD NEW             # every row
    python tests/bench/before_after.py OLD NEW --only W5,odd --turns 7

Each checkout has its Python in `.venv/bin/python`.  The old one runs in two processes: a row in
which the new one lies within their spread tells nothing.  They take turns, and the least time of
any turn counts, in seconds of the process itself: other programs disturb both little.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from report import geometric_mean, short, table
from workloads import WORKLOADS

WINDOW, LONGEST = 2e-3, 0.05  # seconds of calls that are timed together, and of one call, about
FIRST = 6  # steps before anything is timed


class Checkout:
    """A process that times rows of one checkout when it is asked to."""

    def __init__(self, tree: Path, core: int, cache: str) -> None:
        env = os.environ | {"PYTHONPATH": str(tree), "GRADC_CACHE": cache, "OMP_NUM_THREADS": "1"}
        python = str(tree / ".venv" / "bin" / "python")
        self.process = subprocess.Popen(
            [python, str(Path(__file__).resolve()), str(tree), "--serve", "--core", str(core)],
            env=env | {"GRADC_CERTIFY": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, row: str, budget: float) -> float:
        """Of a step of this row."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([row, budget]) + "\n")
        self.process.stdin.flush()
        return float(json.loads(self.process.stdout.readline()))


def least(call: Callable[[], Any], budget: float) -> float:
    """The least seconds of a call, of many for so long."""
    clock = time.process_time
    begin = clock()
    call()
    count = max(1, int(WINDOW / max(clock() - begin, 1e-8)))
    found: list[float] = []
    begin = clock()
    while len(found) < 3 or clock() - begin < budget:
        start = clock()
        for _ in range(count):
            call()
        found.append((clock() - start) / count)
    return min(found)


def serve(tree: Path, core: int) -> None:
    """Answer questions until the input ends."""
    os.sched_setaffinity(0, [core])
    sys.path[:0] = [str(tree), str(tree / "tests" / "bench")]
    framework = importlib.import_module("with_gradc")
    framework.load(1)
    name, run = "", None
    for line in sys.stdin:
        asked, budget = json.loads(line)
        if asked != name:
            name, run = asked, None  # what the last row held is free before the next is built
            run = framework.build(WORKLOADS[name], "")
            one = min(least(run.step, 0.0) for _ in range(FIRST))
            run.steps = max(1, min(run.steps, int(LONGEST / one)))
        print(json.dumps(least(run.advance, budget) / run.steps), flush=True)


def measured(crew: list[Checkout], row: str, turns: int, budget: float) -> list[float]:
    """The least seconds of each process."""
    found: list[list[float]] = [[] for _ in crew]
    for turn in range(turns):
        order = range(len(crew)) if turn % 2 == 0 else reversed(range(len(crew)))
        for k in order:
            found[k].append(crew[k].seconds(row, budget))
    return [min(times) for times in found]


def lines(times: dict[str, list[float]]) -> Iterator[str]:
    """A table, and the geometric means of its ratios."""
    rows, ratios, outside = [], [], []
    for name, (first, again, new) in times.items():
        ratio, spread = new / min(first, again), max(first, again) / min(first, again)
        ratios.append(ratio)
        outside.append(ratio if ratio > spread or ratio < 1 / spread else 1.0)
        cells = [short(min(first, again)), f"{spread:.3f}", short(new), f"{ratio:.3f}"]
        rows.append([name, *cells])
    yield from table(["workload", "before", "spread", "after", "after / before"], rows)
    means = geometric_mean(ratios), geometric_mean(outside)
    yield "\nGeometric mean {:.3f}; with rows inside the spread as 1: {:.3f}.".format(*means)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", nargs="+", type=Path)
    parser.add_argument("--only", default="", help="rows whose names begin so")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.05, help="of a row in one turn")
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.trees[0], given.core)
        return
    old, new = (tree.resolve() for tree in given.trees)
    prefixes = tuple(given.only.split(",")) if given.only else ("",)
    with tempfile.TemporaryDirectory() as cache:
        crew = [Checkout(tree, given.core, cache) for tree in (old, old, new)]
        rows = [name for name in WORKLOADS if name.startswith(prefixes)]
        times = {name: measured(crew, name, given.turns, given.seconds) for name in rows}
    print("\n".join(lines(times)))


if __name__ == "__main__":
    main()
