"""In every stage, whoever reads what another thread wrote has waited for it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.cpu.partition import divide
from gradc_runtime.cpu.partition.assigned import assigned
from gradc_runtime.cpu.partition.barriers import with_barriers
from gradc_runtime.cpu.partition.divide import tasks_of
from gradc_runtime.cpu.partition.thread_tasks import ThreadTask
from gradc_runtime.session.session import Session
from tests.support.barriers import races, unguarded, written

ROOT = Path(__file__).resolve().parents[4]
SPEC = """
model net(x : [5, 32, 3]) -> [5] {
    x |> conv(13, 1x3, pad = 0x1) |> tanh |> conv(32, 5x5, stride = 2, pad = 2) |> flatten
    |> dense(5)
}
data d(x : [5, 32, 3], y : class(5)) = npz("none.npz")
train on d { minimize cross_entropy(net(x), y) using sgd(lr = 1e-2) }
"""
ALL = sorted(path.stem for path in (ROOT / "specs").glob("*.nn"))
SIZES = ((5, (2, 7)), (2, (3,)), (100, (3, 16)))  # of batches, with how many threads


@cache
def program_of(name: str) -> Program:
    return compile_file(ROOT / "specs" / f"{name}.nn")


LONG = ("deep_chain", "residual", "transformer", "unet")  # ten seconds and more each
SPECS = [pytest.param(n, marks=pytest.mark.wide) if n in LONG else n for n in ALL]


@pytest.mark.parametrize("name", SPECS)
def test_threads_wait_for_what_another_writes(name: str) -> None:
    for entry in program_of(name).entries.values():
        for examples, threads in SIZES:
            assert not list(unguarded(entry, examples, *threads))


@pytest.mark.parametrize("name", ["circle", "mnist_cnn", "row_digits"])
def test_very_many_threads_do_too(name: str) -> None:
    program = program_of(name)
    entry = program.entries[program.training.steps[0].entry]
    assert not [*unguarded(entry, 5, 64), *unguarded(entry, 100, 64)]


@pytest.mark.parametrize("name", ALL)
def test_an_instruction_says_what_its_kernel_writes(name: str) -> None:
    for entry in program_of(name).entries.values():
        for item in (item for phase in entry.phases for item in phase.instructions):
            assert item.writes is not None
            said = {item.operands[k] for k in item.writes}  # one may be there twice
            assert said == {item.operands[k] for k in written(entry, item)}, item.note


@pytest.mark.parametrize("name", ["mnist_cnn", "gan"])
def test_no_barrier_may_be_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of(name)
    entry = program.entries[program.training.steps[0].entry]
    places = sum(task.wait for phase in entry.phases for task in tasks_of(entry, phase, 8, 7))
    assert places > 2
    for place in range(places):
        without_one(monkeypatch, place)
        assert list(races(entry, assigned(entry, 3, 8, 7)))
        monkeypatch.undo()


def without_one(patch: pytest.MonkeyPatch, place: int) -> None:
    """Leave out the barrier of a number, as they are counted over all stages."""
    count = iter(range(1000))

    def placed(*arguments: Any) -> list[ThreadTask]:
        tasks = with_barriers(*arguments)
        return [replace(t, wait=next(count) != place) if t.wait else t for t in tasks]

    patch.setattr(divide, "with_barriers", placed)


def test_a_barrier_that_one_thread_passes_over_is_kept_in_mind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.WORTH_SHARING", 0.0)
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.WORTH_WAKING", 0.0)
    program = compile_source(SPEC)
    for entry in program.entries.values():
        assert not list(unguarded(entry, 5, 2, 3))
    rng = np.random.default_rng(0)
    batch = {"x": rng.normal(size=(5, 5, 32, 3)).astype("float32"), "y": np.arange(5)}
    _, expected = Session(program, threads=1).gradients(**batch)
    session = Session(program, threads=2)
    for _ in range(12):
        _, found = session.gradients(**batch)
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
