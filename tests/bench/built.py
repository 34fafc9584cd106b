"""Built libraries beside onnxruntime, PyTorch and AOTInductor: size, start, images a second.

    python tests/bench/built.py                     # all networks, one command
    python tests/bench/built.py mnist_cnn --rounds 9

Everything runs on one thread.  The peers take turns in one process, round after round, and the
table has the median of the rounds; so a ratio is one of numbers from the same minutes.  Needs a C
compiler, and of torch, onnx and onnxruntime what is to be compared.  The peers' networks have
weights of their own: times do not depend on them.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import built_peers
import numpy as np

import gradc
from gradc_runtime.embed.build_library import build

HERE = Path(__file__).parent
SPECS = {
    "mnist_cnn": (HERE.parents[1] / "specs" / "mnist_cnn.nn", "digit", (28, 28, 1)),
    "row_digits": (HERE.parents[1] / "specs" / "row_digits.nn", "digit", (28, 28)),
    "ResNet-18": (HERE / "sizes" / "s3_resnet18.nn", "net", (32, 32, 3)),
}
BATCHES = 1, 128
SAMPLE = 0.05  # seconds, at least, of one measurement
Call = Callable[[], object]


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """An array as a C function takes it."""
    return array.ctypes.data_as(ctypes.c_void_p)


def library_call(name: str, folder: Path, batch: int) -> Call:
    """A call of the built library on a batch, as a C program makes it."""
    _, model, shape = SPECS[name]
    library = ctypes.CDLL(str(folder / f"lib{model}.so"))
    image = np.random.default_rng(0).random((batch, *shape), np.float32)
    scores, lengths = np.zeros((batch, 10), np.float32), np.full(batch, shape[0], np.int32)
    own = [pointer(lengths)] if name == "row_digits" else []
    room = getattr(library, f"{model}_workspace")
    room.restype = ctypes.c_size_t
    memory = np.zeros(size := room(*own, batch), np.uint8)
    run = getattr(library, f"{model}_run_in")
    given = pointer(image), *own, pointer(scores), batch, pointer(memory), ctypes.c_size_t(size)
    kept = image, scores, lengths, memory

    def call() -> object:
        code = run(*given)
        assert code == 0, code
        return kept

    return call


def seconds(call: Call) -> float:
    """One call, in the mean of as many as take a while."""
    count, start = 0, perf_counter()
    while (spent := perf_counter() - start) < SAMPLE or count < 2:
        call()
        count += 1
    return spent / count


def rates(calls: dict[str, Call], batch: int, rounds: int) -> dict[str, float]:
    """Images a second of each, in the median of rounds in which all take turns."""
    for call in calls.values():
        call()
    found: dict[str, list[float]] = {peer: [] for peer in calls}
    for _ in range(rounds):
        for peer, call in calls.items():
            found[peer].append(batch / seconds(call))
    return {peer: statistics.median(values) for peer, values in found.items()}


def start_of(command: list[str], rounds: int) -> float:
    """Seconds of a process that gives one answer; the best, as anything may delay one."""
    found = []
    for _ in range(rounds):
        start = perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        found.append(perf_counter() - start)
    return min(found)


def measured(name: str, rounds: int, folder: Path) -> Iterator[str]:
    """Rows of the table for one network."""
    spec, model, shape = SPECS[name]
    build(gradc.Session(gradc.compile_file(spec), threads=1, seed=0), model, folder)
    np.save(folder / "x.npy", np.zeros((1, *shape), np.float32))
    peers = built_peers.peers_of(name, folder)
    for batch in BATCHES:
        calls = {"gradc": library_call(name, folder, batch)}
        calls |= {peer.name: peer.call(batch) for peer in peers}
        found = rates(calls, batch, rounds)
        for peer, rate in found.items():
            yield f"| {name} | {batch} | {peer} | {rate:,.0f} | {found['gradc'] / rate:.2f} |"
    yield ""
    program = [str(folder / model), str(folder / "x.npy")]
    rows = [("gradc", (folder / model).stat().st_size, start_of(program, 2 * rounds))]
    rows += [(peer.name, peer.size(), start_of(peer.start(), rounds)) for peer in peers]
    for peer, size, time in rows:
        yield f"| {name} | {peer} | {size / 1e6:,.2f} MB | {time * 1e3:,.1f} ms |"


def main() -> int:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(SPECS))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    starts = []
    print("| network | batch | library | images a second | gradc is times faster |\n|" + "---|" * 5)
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            rows = list(measured(name, options.rounds, Path(folder)))
        cut = rows.index("")
        print("\n".join(rows[:cut]), flush=True)
        starts += rows[cut + 1 :]
    print("\n| network | library | files it needs | start to first answer |\n|" + "---|" * 4)
    print("\n".join(starts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
