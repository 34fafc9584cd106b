"""Products of a batch of one block, in parts: the same numbers, the same bits on any threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.pipeline import compile_source
from compiler.program import Program
from runtime.cpu import parts
from runtime.session import Session

SPEC = """
model dense_net(x : [37]) -> [7] {
    x |> dense(113) |> relu |> dense(301) |> tanh |> dense(113) |> dense(7)
}
model image_net(x : [13, 11, 3]) -> [5] {
    x |> conv(17, 3x3, pad = 1) |> relu |> conv(8, 5x3, stride = 2) |> relu |> flatten |> dense(5)
}
data d(x : [37], y : [7]) = npz("none.npz")
train on d { minimize mean_squared_error(dense_net(x), y) using adam(lr = 1e-2) }
"""
SHAPES = {"dense_net": (37,), "image_net": (13, 11, 3)}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setattr(parts, "WORTH_CUTTING", 1)
    monkeypatch.setattr(parts, "GRAIN", 1)
    monkeypatch.setattr("runtime.cpu.sharing.WORTH_SHARING", 0.0)
    monkeypatch.setattr("runtime.cpu.sharing.WORTH_WAKING", 0.0)
    monkeypatch.setattr("runtime.cpu.sharing.AGAIN", 1)
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
    cut = [part for phase in entry.phases for part in parts.parts_of(entry, phase, count)]
    assert any(part.of == parts.PARTS for part in cut)
    assert entry.straight is None  # a single kernel would have no parts
    expected = Session(program, target="reference", dtype="float64").run(model, x=x)
    for _ in range(12):
        np.testing.assert_allclose(native.run(model, x=x), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("model", SHAPES)
def test_threads_change_no_bit_of_a_call(program: Program, model: str) -> None:
    x = some(model, 2, "float32")
    expected = Session(program, threads=1).run(model, x=x)
    for threads in (2, 4, 7):
        session = Session(program, threads=threads)
        assert all(np.array_equal(session.run(model, x=x), expected) for _ in range(12))


def test_threads_change_no_bit_of_a_step(program: Program) -> None:
    x, y = some("dense_net", 1, "float32"), np.ones((1, 7), np.float32)
    sessions = [Session(program, threads=threads) for threads in (1, 2, 4)]
    for _ in range(12):
        assert len({session.step(x=x, y=y)["loss"] for session in sessions}) == 1
    words = [session.memory.words for session in sessions]
    assert all(np.array_equal(other, words[0]) for other in words)


def test_a_batch_of_several_blocks_is_not_cut(program: Program) -> None:
    entry = program.entries[program.models["dense_net"]]
    assert not any(parts.parts_of(entry, phase, 64) for phase in entry.phases)
