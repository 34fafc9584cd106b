"""Few large examples on many threads: kernels are cut within an example, and every bit stays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import OPTIONAL, compile_source
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import Program
from gradc_runtime.cpu.partition import intra_op
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.partition.divide import tasks_of, teams_of
from gradc_runtime.cpu.partition.split_dims import swapped_loop
from gradc_runtime.cpu.partition.thread_tasks import ThreadTask
from gradc_runtime.cpu.threads.adaptive import ParallelChoice
from gradc_runtime.session.session import Session
from tests.support.barriers import unguarded

IMAGES = """
model net(x : [17, 13, 3]) -> [5] {
    x |> conv(24, 3x3, pad = 1) |> batch_norm |> relu |> conv(40, 3x3, stride = 2, pad = 1)
    |> gelu |> max_pool(2x2) |> flatten |> layer_norm |> dense(5)
}
data d(x : [17, 13, 3], y : class(5)) = npz("none.npz")
train on d { minimize cross_entropy(net(x), y) using adam(lr = 1e-2) }
"""
LONG = """
layer project(units : size)(x : [t, n]) -> [t, units] {
    param W : [units, n] ~ glorot_uniform
    param b : [units] = 0
    x @ transpose(W) + b
}
model net(x : [40, 24]) -> [40, 6] {
    q = x |> project(24)
    k = x |> project(24)
    weights = softmax(contract(t, s : q[t, a] * k[s, a]) / 5)
    y = contract(t, a : weights[t, s] * q[s, a]) + x
    y |> project(96) |> gelu |> project(6)
}
data d(x : [40, 24], y : [40, 6]) = npz("none.npz")
train on d { minimize mean_squared_error(net(x), y) using adam(lr = 1e-2) }
"""
THREADS = (2, 3, 7, 16)


@pytest.fixture(autouse=True)
def willing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever can be cut is worth it, and all threads take part in every step."""
    machine = replace(MACHINE, worth_splitting_ns=0, arrival_ns=0)
    monkeypatch.setattr(intra_op, "MACHINE", machine)
    monkeypatch.setattr(cost_model, "MACHINE", machine)
    monkeypatch.setattr(ParallelChoice, "choose", lambda self, steps, *unused: (steps, True))
    monkeypatch.setattr(ParallelChoice, "brief", False)


def entry_of(program: Program) -> Entry:
    assert program.training is not None
    return program.entries[program.training.steps[0].entry]


def cut_within(entry: Entry, count: int, threads: int) -> list[ThreadTask]:
    """The tasks that are cut along a loop of a generated kernel."""
    block = block_of(entry, count)
    members = teams_of(entry, count, block, threads).members
    return [
        task
        for phase in entry.phases
        for task in tasks_of(entry, phase, block, members if phase.examples else threads)
        if task.cut is not None and task.cut.unit
    ]


def batch_of(source: str, count: int) -> dict[str, Any]:
    rng = np.random.default_rng(count)
    if source is LONG:
        shapes = {"x": (count, 40, 24), "y": (count, 40, 6)}
        return {k: rng.normal(size=shape).astype("float32") for k, shape in shapes.items()}
    x = rng.normal(size=(count, 17, 13, 3)).astype("float32")
    return {"x": x, "y": rng.integers(0, 5, count).astype("int32")}


def trained(program: Program, given: dict[str, Any], threads: int) -> NDArray[Any]:
    session = Session(program, threads=threads)
    for _ in range(2):
        session.step(**given)
    return session.memory.words.view("uint32").copy()


@pytest.mark.parametrize("source", [IMAGES, LONG], ids=["images", "long"])
@pytest.mark.parametrize("count", [1, 3, 9])
def test_cuts_within_an_example_change_no_bit(source: str, count: int) -> None:
    program, given = compile_source(source), batch_of(source, count)
    assert cut_within(entry_of(program), count, 16)
    expected = trained(program, given, 1)
    assert not np.array_equal(expected, Session(program).memory.words.view("uint32"))
    for threads in THREADS:
        assert np.array_equal(trained(program, given, threads), expected), threads


@pytest.mark.parametrize("source", [IMAGES, LONG], ids=["images", "long"])
def test_threads_wait_for_what_is_cut(source: str) -> None:
    assert not list(unguarded(entry_of(compile_source(source)), 3, *THREADS))


def test_loops_are_cut_of_either_kind() -> None:
    tasks = cut_within(entry_of(compile_source(IMAGES)), 2, 7)
    kinds = {task.cut.by_row for task in tasks if task.cut is not None}
    assert kinds == {True, False}
    for task in tasks:
        assert task.cut is not None
        assert task.cut.by_row or len(task.cut.moves) == len(task.instruction.operands)


def test_a_share_of_examples_exchanges_what_all_do() -> None:
    loops = (3, 8, 100, 0, 400), (3, 2, 100, 0, 40), (3, 9, 0, 100, 400)
    head = (1, 40, -1, 800, 3200, 1, 0, 0, 16, 1, 40)
    geometry = (*head, 3, *(n for loop in loops for n in loop[1:]))
    assert [swapped_loop(geometry, count) for count in (1, 2, 7, 8)] == [12, 12, 12, None]
    short = (*head, 1, *loops[1][1:])  # exchanged with one example, but not with two
    assert [swapped_loop(short, count) for count in (1, 2)] == [12, None]


DENSE = """
model net(x : [70]) -> [3] { x |> dense(131) |> tanh |> dense(3) }
data d(x : [70], y : [3]) = npz("none.npz")
train on d { minimize mean_squared_error(net(x), y) using sgd(lr = 1e-2) }
"""


@pytest.mark.parametrize("without", [(), OPTIONAL], ids=["all", "none"])
def test_sums_over_the_examples_are_cut_where_they_should_be(without: Collection[str]) -> None:
    """The loop over the examples stands within; its number of iterations is no number yet."""
    program = compile_source(DENSE, without=without)
    entry = entry_of(program)
    rng = np.random.default_rng(0)
    given = {"x": rng.normal(size=(3, 70)), "y": rng.normal(size=(3, 3))}
    items = [item for phase in entry.phases for item in phase.instructions]
    assert all(cut.inner > 0 for item in items for cut in item.cuts)
    found = [trained(program, given, threads) for threads in (1, *THREADS)]
    assert all(np.array_equal(found[0], other) for other in found[1:])
