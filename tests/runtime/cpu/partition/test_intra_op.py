"""Products of a batch of one block, in parts: the same numbers, the same bits on any threads."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.cpu.partition import intra_op, split_dims
from gradc_runtime.cpu.partition.divide import Teams, tasks_of, teams_of
from gradc_runtime.session.session import Session

SPEC = """
model dense_net(x : [37]) -> [7] {
    x |> dense(113) |> relu |> dense(301) |> tanh |> dense(113) |> dense(7)
}
model image_net(x : [13, 11, 3]) -> [5] {
    x |> conv(17, 3x3, pad = 1) |> relu |> conv(8, 5x3, stride = 2) |> relu |> flatten |> dense(5)
}
data d(x : [37], y : [7], image : [13, 11, 3], z : [5]) = npz("none.npz")
train on d {
    step dense {
        minimize mean_squared_error(dense_net(x), y) over dense_net using adam(lr = 1e-2)
    }
    step images {
        minimize mean_squared_error(image_net(image), z) over image_net using adam(lr = 1e-2)
    }
}
"""
SHAPES = {"dense_net": (37,), "image_net": (13, 11, 3)}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    willing = replace(MACHINE, worth_splitting_ns=0, arrival_ns=-(10**6))  # one block seems best
    monkeypatch.setattr(intra_op, "MACHINE", willing)
    monkeypatch.setattr(cost_model, "MACHINE", willing)
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.WORTH_SHARING", 0.0)
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.WORTH_WAKING", 0.0)
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.AGAIN", 1)
    return compile_source(SPEC)


def some(model: str, count: int, dtype: str) -> NDArray[Any]:
    rng = np.random.default_rng(count)
    return rng.normal(size=(count, *SHAPES[model])).astype(dtype)


@pytest.mark.parametrize("model", SHAPES)
@pytest.mark.parametrize("count", [1, 3])
def test_parts_are_cut_and_make_the_whole(program: Program, model: str, count: int) -> None:
    x = some(model, count, "float64")
    native = Session(program, threads=2, dtype="float64")
    entry = native.program.entries[native.program.models[model]]
    batch = [phase for phase in entry.phases if phase.examples]
    cut = [task.cut for phase in batch for task in tasks_of(entry, phase, count, 2)]
    assert any(one is not None and one.busiest(2) < 1 for one in cut)
    assert entry.whole_step is None  # a single kernel would have no parts
    expected = Session(program, target="reference", dtype="float64").run(model, x=x)
    for _ in range(12):
        np.testing.assert_allclose(native.run(model, x=x), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("model", SHAPES)
def test_threads_change_no_bit_of_a_call(program: Program, model: str) -> None:
    x = some(model, 2, "float32")
    expected = Session(program, threads=1).run(model, x=x)
    for threads in (2, 4, 7, 16):
        session = Session(program, threads=threads)
        assert all(np.array_equal(session.run(model, x=x), expected) for _ in range(12))


def some_batch(count: int, dtype: str) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(count)
    shapes = {"x": (37,), "y": (7,), "image": (13, 11, 3), "z": (5,)}
    return {name: rng.normal(size=(count, *s)).astype(dtype) for name, s in shapes.items()}


def test_threads_change_no_bit_of_steps_on_batches_of_other_sizes(program: Program) -> None:
    sessions = [Session(program, threads=threads) for threads in (1, 2, 4)]
    for count in (1, 5, 2, 13, 3, 1, 5):
        for session in sessions:
            session.step(**some_batch(count, "float32"))
    words = [session.memory.words for session in sessions]
    assert all(np.array_equal(other, words[0]) for other in words)


@pytest.mark.parametrize("step", ["dense", "images"])
def test_gradients_in_parts_agree_with_the_reference(program: Program, step: str) -> None:
    native = Session(program, threads=2, dtype="float64")
    expected = Session(program, target="reference", dtype="float64")
    for count in (5, 1, 7, 3, 2, 5):
        given = some_batch(count, "float64")
        (loss, found), (wanted, gradients) = (
            s.gradients(step, **given) for s in (native, expected)
        )
        assert loss == pytest.approx(wanted, rel=1e-11)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(found[name], gradient, rtol=1e-9, atol=1e-11)


def test_no_two_iterations_of_a_cut_write_the_same_word() -> None:
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(500):
        (_, columns), (y_row, rows), *outer = rng.integers((0, 1), (40, 6), (5, 2)).tolist()
        geometry = [0, columns, rows, 1, y_row, 1, 0, 0, 1, 0, 0, len(outer)]
        geometry += [number for y, n in outer for number in (n, 1, 1, y)]
        moves = {1: (1, columns), 2: (y_row, rows)} | {12 + 4 * k: o for k, o in enumerate(outer)}
        for cut in split_dims.split_dims_of("contract_rows", geometry, 1):
            others = [
                range(0, y * n, y) if y else (0,) for k, (y, n) in moves.items() if k != cut.place
            ]
            written = [
                {sum(place) + cut.moves[2] * k for place in product(*others)}
                for k in range(cut.extent)
            ]
            assert sum(map(len, written)) == len(set().union(*written))
            found += cut.extent > 1
    assert found > 20


def test_two_threads_take_a_block_each_and_cut_none(program: Program) -> None:
    entry = program.entries[program.models["dense_net"]]
    assert teams_of(entry, 64, 32, 2) == Teams(2)
    assert not any(
        task.shared
        for phase in entry.phases
        if phase.examples
        for task in tasks_of(entry, phase, 32, 1)
    )


@pytest.mark.parametrize("threads", [3, 4, 7, 16, 64])
def test_threads_beyond_the_chunks_are_members_of_teams(program: Program, threads: int) -> None:
    entry = program.entries[program.models["dense_net"]]
    teams = teams_of(entry, 64, 32, threads)
    assert teams.members > 1 and teams.count * teams.members <= threads
    assert [teams.member(k) for k in range(threads)].count(None) < threads / 2
