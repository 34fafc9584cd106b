"""Rows by a place that a table does not have: an error on every target, and nothing is updated."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.pipeline import OPTIONAL
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.system.errors import DataError, RunError, SessionError
from gradc_runtime.training.run_folder import RunFolder
from gradc_runtime.training.trainer import Trainer

SPEC = """model f(xs : seq [2]) -> seq [2] {
    param table : [4, 2] ~ normal(0, 1)
    xs + table[place(xs)]
}
model g(xs : seq [2]) -> [5, 2] { from_places(xs) }
model h(xs : seq [2]) -> seq [3] { one_hot(place(xs), 3) }
function from_places(xs : seq [2]) { time_sum(scatter(xs, place(xs), 5)) }
data d(xs : seq [2], y : scalar) = npz("d.npz")
train on d {
    report last(xs)[0]
    minimize (sum(time_sum(f(xs))) - y)^2
    using adam(lr = 0.01), batch 3
}
"""
SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
TARGETS = [("cuda", 1)] if SIMULATED else [("reference", 1), ("cpu", 1), ("cpu", 2)]
BEYOND = "place 4 of xs, which has 5 elements, has no row: `table[place(xs)]` goes by 4 rows"


@pytest.fixture(params=TARGETS, ids=lambda p: f"{p[0]}-{p[1]}")
def session(request: pytest.FixtureRequest) -> Session:
    target, threads = request.param
    return Session(gradc.compile_source(SPEC), target, threads=threads, seed=3)


def batch(*lengths: int) -> dict[str, Any]:
    """Sequences of these lengths."""
    draws = np.random.default_rng(0)
    values = draws.normal(size=(sum(lengths), 2)).astype(np.float32)
    return {"xs": Ragged(values, np.array(lengths)), "y": np.ones(len(lengths), np.float32)}


def unchanged_after(session: Session, call: Any, message: str) -> None:
    """The call fails so, and everything that persists is as it was."""
    before = session.memory.words.copy()
    with pytest.raises(RunError) as caught:
        call()
    assert message in str(caught.value)
    assert before.tobytes() == session.memory.words.tobytes()


def test_the_model_names_example_place_and_line(session: Session) -> None:
    session.run("f", xs=batch(4, 0, 2)["xs"])
    message = f"example 2: {BEYOND} (spec.nn:3:10)"
    unchanged_after(session, lambda: session.run("f", xs=batch(1, 4, 5, 9)["xs"]), message)


def test_scatter_and_one_hot_too(session: Session) -> None:
    xs = batch(5, 3)["xs"]
    wanted = np.zeros((2, 5, 2), np.float32)
    wanted[0], wanted[1, :3] = xs[0], xs[1]
    np.testing.assert_array_equal(session.run("g", xs=xs), wanted)
    message = "example 1: place 5 of xs, which has 6 elements, has no row: `scatter(xs, place(xs)"
    unchanged_after(session, lambda: session.run("g", xs=batch(5, 6)["xs"]), message)
    for found, size in zip(session.run("h", xs=batch(3, 1)["xs"]), (3, 1), strict=True):
        np.testing.assert_array_equal(found, np.eye(3)[:size])
    message = "example 0: place 3 of xs, which has 4 elements, has no row: `one_hot(place(xs), 3)`"
    unchanged_after(session, lambda: session.run("h", xs=batch(4)["xs"]), message)


def test_a_step_leaves_parameters_states_and_counter(session: Session) -> None:
    session.step(**batch(4, 2))
    unchanged_after(session, lambda: session.step(**batch(4, 5)), f"example 1: {BEYOND}")
    unchanged_after(session, lambda: session.gradients(**batch(5)), f"example 0: {BEYOND}")
    assert int(session.memory.views["step"]) == 1
    session.step(**batch(4, 4))
    assert int(session.memory.views["step"]) == 2


def test_a_step_the_short_way_does_too(session: Session) -> None:
    equal = {"xs": np.ones((2, 4, 2), np.float32), "y": np.ones(2, np.float32)}
    for _ in range(3):
        session.step(**equal)
    longer = {**equal, "xs": np.ones((2, 5, 2), np.float32)}
    unchanged_after(session, lambda: session.step(**longer), f"example 0: {BEYOND}")


def test_several_steps_in_one_call_end_before_the_wrong_one(session: Session) -> None:
    """Examples 0 and 1 are the first batch, 2 and 3 the second, of which 3 is too long."""
    alone = Session(session.program, session.target, threads=session.threads, seed=3)
    data = session.dataset(batch(1, 4, 3, 5, 2, 2))
    arrays = data.take(np.arange(6))
    with pytest.raises(SessionError) as caught:
        session.advance(arrays, 3)
    assert f"example 1 of batch 1: {BEYOND}" in str(caught.value)
    alone.advance(data.take(np.arange(2)))
    assert session.memory.words.tobytes() == alone.memory.words.tobytes()
    assert int(session.memory.views["step"]) == 1


def test_training_and_evaluation_say_which_example_of_the_data(session: Session) -> None:
    data = batch(1, 4, 3, 2, 4, 1, 5, 2)
    for call in (session.train, session.evaluate):
        unchanged_after(session, lambda call=call: call(data), f"d: example 6: {BEYOND}")
    with pytest.raises(DataError):
        session.train(data, epochs=1, held_out=0.5)


def test_the_first_place_is_always_there() -> None:
    program = gradc.compile_source(
        "model f(xs : seq [1]) { param t : [2] = tensor(3, 4)\n t[first(place(xs))] }"
    )
    assert program.entries["forward/f"].limits == ()
    found = Session(program, "cpu").run("f", xs=[np.ones((7, 1)), np.ones((1, 1))])
    np.testing.assert_array_equal(found, [3, 3])


def test_the_fewest_rows_count_and_passes_change_nothing() -> None:
    text = """model f(xs : seq(n) [1], k : seq(n) class(6)) -> scalar {
        param t : [9] = 1
        param u : [7] = 1
        param v : [6] = 1
        time_sum(t[place(xs)] * u[reverse(place(k))] * v[k] * 0)
    }"""
    for without in ((), ("simplify", "fusion"), tuple(OPTIONAL)):
        (limit,) = gradc.compile_source(text, without=without).entries["forward/f"].limits
        assert (limit.time, limit.rows, limit.text) == ("n", 7, "u[reverse(place(k))]")


def test_data_that_is_read_meanwhile_ends_the_run_before_the_step(tmp_path: Path) -> None:
    lines = [{"xs": [[0.5, 1.0]] * (5 if i == 40 else 2), "y": 1.0} for i in range(60)]
    (tmp_path / "d.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (tmp_path / "s.nn").write_text(SPEC.replace('npz("d.npz")', 'jsonl("d.jsonl")'))
    session = Session(gradc.compile_file(tmp_path / "s.nn"), "reference", seed=3)
    settings = resolve({"batch": 3, "epochs": 1, "held_out": 0}, in_memory=0, block=200)
    run = RunFolder(tmp_path / "run")
    with pytest.raises(DataError) as caught:
        Trainer(session, session.dataset(settings=settings), settings, folder=run).run()
    assert f"{BEYOND} (" in str(caught.value) and "; saved " in str(caught.value)
    checkpoint, _ = run.store.newest()
    assert checkpoint is not None
    at = checkpoint.state["position"]["step"]
    assert f"d.jsonl: after step {at}, example " in str(caught.value)
    assert checkpoint.tensors["step"] == at == session.memory.views["step"]
