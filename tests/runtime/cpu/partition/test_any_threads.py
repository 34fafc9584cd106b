"""Every network gives the same bits on any number of threads, also on more than there are cores.

Batches of one block, of a few blocks, and of more chunks than threads: so threads are single ones,
members of teams, or both are tried.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.partition.divide import teams_of
from gradc_runtime.cpu.threads.adaptive import ParallelChoice
from gradc_runtime.session.session import Session

BENCH = Path(__file__).resolve().parents[3] / "bench" / "specs"
RAGGED = """
model net(xs : seq [7]) -> [5] { xs |> scan(gru(33)) |> scan(lstm(29)) |> last |> dense(5) }
data d(xs : seq [7], y : class(5)) = npz("none.npz")
train on d { minimize cross_entropy(net(xs), y) using adam(lr = 1e-2) }
"""
THREADS = (2, 3, 4, 7, 16, 64)
STEPS = 2


@pytest.fixture(autouse=True)
def always_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little there is to do, all threads take part."""
    monkeypatch.setattr(ParallelChoice, "choose", lambda self, steps, *unused: (steps, True))
    monkeypatch.setattr(ParallelChoice, "brief", False)


def one_hot(rng: np.random.Generator, *shape: int) -> NDArray[Any]:
    return np.eye(64, dtype="float32")[rng.integers(0, 64, shape)]


def batch_of(name: str, count: int) -> dict[str, Any]:
    rng = np.random.default_rng(count)
    normal = lambda *shape: rng.normal(size=(count, *shape)).astype("float32")  # noqa: E731
    labels = rng.integers(0, 5, count).astype("int32")
    match name:
        case "odd_mlp":
            return {"x": normal(37), "y": labels}
        case "cnn":
            return {"x": normal(28, 28, 1), "y": labels}
        case "lstm":
            return {"x": normal(50, 32), "y": labels}
        case "transformer":
            return {"x": one_hot(rng, count, 64), "y": one_hot(rng, count, 64)}
        case "gan":
            return {"x": normal(784), "z1": normal(16), "z2": normal(16)}
        case _:
            lengths = rng.integers(1, 12, count)
            return {"xs": [normal(int(n), 7)[0] for n in lengths], "y": labels}


def program_of(name: str) -> Program:
    return compile_source(RAGGED) if name == "ragged" else compile_file(BENCH / f"{name}.nn")


def trained(program: Program, given: dict[str, Any], threads: int) -> NDArray[Any]:
    session = Session(program, threads=threads)
    for _ in range(STEPS):
        session.step(**given)
    return session.memory.words.view("uint32").copy()


CASES = [
    ("odd_mlp", 5), ("odd_mlp", 70), ("cnn", 3), ("cnn", 50), ("lstm", 5), ("lstm", 33),
    ("transformer", 9), ("gan", 40), ("ragged", 6), ("ragged", 40),
]  # fmt: skip


@pytest.mark.parametrize(("name", "count"), CASES)
def test_threads_change_no_bit(name: str, count: int) -> None:
    program, given = program_of(name), batch_of(name, count)
    expected = trained(program, given, 1)
    assert not np.array_equal(expected, Session(program).memory.words.view("uint32"))
    for threads in THREADS:
        assert np.array_equal(trained(program, given, threads), expected), threads


@pytest.mark.parametrize("name", ["cnn", "lstm", "transformer"])
def test_sixteen_threads_work_in_teams(name: str) -> None:
    program = program_of(name)
    entry = program.entries[program.training.steps[0].entry]
    assert teams_of(entry, 33, block_of(entry, 33), 16).members > 1
