"""A file of 20 GB that is trained on: `python -m tests.bench.large_data [--steps N] [SPEC]`.

The file is sparse, so it takes no room on the disk, and all its numbers are 0: what is measured is
the time of a step and the memory of the process, beside the same steps on as many examples as fit
into memory.  A step that waits for its data says for how long.  Each of the two is measured in a
process of its own, in turn.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
from numpy.lib import format as npy_format

import gradc
from gradc_runtime.data.arrays.examples import Batches, Epoch
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.training.display import Silent
from gradc_runtime.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
PIXELS = 784
LARGE, SMALL = 6_400_000, 20_000  # examples: 20.07 GB, and 63 MB
SPEC = """model digit(image : [784]) -> [10] {
    image |> dense(2048) |> relu |> dense(2048) |> relu |> dense(10)
}
data digits(image : [784], label : class(10)) = npy("image.npy", "label.npy")
train on digits {
    minimize cross_entropy(digit(image), label)
    using adam(lr = 1e-3), batch 256, epochs 1000, held_out 0
}
"""


class Enough(Exception):
    """So many steps have been made."""


class Clock(Silent):
    """Notes the time after every call, and ends the run."""

    def __init__(self, session: Session, steps: int) -> None:
        self.session, self.steps, self.waited = session, steps, 0.0
        self.calls: list[tuple[int, float, float, float]] = []

    def batch(self, epoch: int, batch: int, found: Mapping[str, float]) -> None:
        """A call is over."""
        done = int(self.session.memory.views["step"])
        self.calls.append((done, perf_counter(), process_time(), self.waited))
        if done >= self.steps:
            raise Enough


class Watched:
    """An epoch whose data is waited for on the clock."""

    def __init__(self, inner: Epoch, clock: Clock) -> None:
        self.inner, self.clock, self.close = inner, clock, inner.close

    def take(self, start: int, stop: int) -> Batches:
        """As the epoch would, and how long that took."""
        began = perf_counter()
        found = self.inner.take(start, stop)
        self.clock.waited += perf_counter() - began
        return found


class WatchedTrainer(Trainer):
    """A trainer that looks at the clock when it takes examples."""

    def call(self, order: Epoch) -> None:
        """A call."""
        assert isinstance(self.display, Clock)
        super().call(Watched(order, self.display))


def sparse(path: Path, shape: tuple[int, ...], kind: str) -> None:
    """An array of zeros that takes no room."""
    with path.open("wb") as stream:
        about = {"descr": kind, "fortran_order": False, "shape": shape}
        npy_format.write_array_header_2_0(stream, about)
        stream.truncate(stream.tell() + int(np.prod(shape)) * np.dtype(kind).itemsize)


def measure(spec: Path, steps: int) -> dict[str, float]:
    """Milliseconds of a step, and what the process took, after the first quarter of the steps."""
    session = gradc.Session(gradc.compile_file(spec))
    settings = resolve(session.training.settings, seed=0)
    clock = Clock(session, steps)
    trainer = WatchedTrainer(session, session.dataset(settings=settings), settings, display=clock)
    with suppress(Enough):
        trainer.run()
    calls = clock.calls[len(clock.calls) // 4 :]
    steps = calls[-1][0] - calls[0][0]
    ends = zip(calls[0][1:], calls[-1][1:], strict=True)
    mean, spent, waited = (1e3 * (end - start) / steps for start, end in ends)
    best = min((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(calls))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"mean": mean, "best": 1e3 * best, "CPU": spent, "taking data": waited, "MB": memory}


def in_process(folder: Path, text: str, examples: int, steps: int) -> dict[str, float]:
    """Measure a spec on so many examples, in a process of its own."""
    (folder / "a.nn").write_text(text)
    sparse(folder / "image.npy", (examples, PIXELS), "<f4")
    sparse(folder / "label.npy", (examples,), "<i4")
    command = ["-m", "tests.bench.large_data", str(folder / "a.nn"), "--measure"]
    done = subprocess.run(
        [sys.executable, *command, "--steps", str(steps)], cwd=ROOT, capture_output=True,
        check=True, env={**os.environ, "GRADC_CERTIFY": "0"},
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print a line for each."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("spec", nargs="?", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--measure", action="store_true", help="one line of JSON, of a spec")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.spec, given.steps)))
        return
    text = given.spec.read_text() if given.spec else SPEC
    for _ in range(given.rounds):
        for name, examples in (("20 GB in blocks", LARGE), ("63 MB in memory", SMALL)):
            with TemporaryDirectory() as folder:
                found = in_process(Path(folder), text, examples, given.steps)
            print(f"{name}: " + ", ".join(f"{n} {v:.2f}" for n, v in found.items()), flush=True)


if __name__ == "__main__":
    main()
