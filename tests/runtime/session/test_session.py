"""Sessions: what they compute, what can be assigned, and the line a wrong call gets."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import CheckpointError, SessionError
from tests.runtime import linear

X = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]])
Y = np.array([1.0, 2.0, 3.0])


def test_run_gives_an_output_for_each_example() -> None:
    np.testing.assert_allclose(linear.session().run("f", x=X), X @ [0.5, -0.5])


def test_parameters_are_views_that_can_be_assigned() -> None:
    session = linear.session()
    session.parameters["f.w"] = [1, 2]
    np.testing.assert_array_equal(session.run("f", x=X), X @ [1, 2])
    session.parameters["f.w"][0] = 5
    np.testing.assert_array_equal(session.parameters["f.w"], [5, 2])
    assert list(session.parameters) == ["f.w", "f.b"]
    with pytest.raises(SessionError, match=r"f.w is \[2\], so it cannot be set to float64 \[3\]"):
        session.parameters["f.w"] = np.zeros(3)
    with pytest.raises(SessionError, match=r"no parameter is called f.v; did you mean f.w\?"):
        session.parameters["f.v"]


def test_parameters_are_a_mapping() -> None:
    parameters = linear.session().parameters
    assert "f.w" in parameters and "f.v" not in parameters and 3 not in parameters
    assert parameters.get("f.v") is None and parameters.get("f.v", 1) == 1
    assert parameters.get("f.w") is parameters["f.w"] and len(parameters) == 2
    assert list(parameters) == list(parameters.keys()) == [name for name, _ in parameters.items()]
    with pytest.raises(KeyError) as caught:
        parameters["f.v"]
    assert str(caught.value) == "no parameter is called f.v; did you mean f.w?"


def test_gradients_leave_everything_as_it_was() -> None:
    session = linear.session(dtype="float64")
    before = session.memory.words.copy()
    loss, gradients = session.gradients(x=X, y=Y)
    error = X @ [0.5, -0.5] - Y
    assert loss == pytest.approx(np.mean(error**2))
    np.testing.assert_allclose(gradients["f.w"], 2 * error @ X / 3)
    np.testing.assert_array_equal(session.memory.words, before)


def test_step_updates_parameters_state_and_counter() -> None:
    session = linear.session(seed=7)
    losses = [session.step(x=X, y=Y)["loss"] for _ in range(20)]
    assert losses[-1] < losses[0]
    assert int(session.memory.views["step"]) == 20
    assert int(session.memory.views["seed"]) == 7


def test_many_steps_in_one_call_equal_single_steps() -> None:
    one, many = linear.session(), linear.session()
    data = linear.examples(12).arrays
    losses = [one.step(x=data["x"][i : i + 4], y=data["y"][i : i + 4])["loss"] for i in (0, 4, 8)]
    assert many.advance(data, steps=3)["loss"].tolist() == losses
    np.testing.assert_array_equal(one.memory.words, many.memory.words)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"x": X}, "y : scalar is missing"),
        ({"x": X[:2], "y": Y}, "same number of examples, at least one: x has 2, y has 3"),
        ({"x": X[:0], "y": Y[:0]}, "same number of examples, at least one: x has 0, y has 0"),
        ({"x": X.T, "y": Y}, "x: declared [2], so [N, 2] is expected; got [2, 3]"),
        ({"x": X, "y": 1.0}, "y: needs a leading axis of examples, got a single number"),
        ({"x": X, "y": ["a"]}, "y: needs numbers, got <U1"),
        ({"x": X, "y": Y, "yy": Y}, "no input is called yy; did you mean y?"),
    ],
)
def test_wrong_inputs_get_one_line(inputs: dict[str, Any], expected: str) -> None:
    with pytest.raises(SessionError) as caught:
        linear.session().step(**inputs)
    assert expected in str(caught.value)


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(SessionError, match="no model is called g; there are f"):
        linear.session().run("g", x=X)
    with pytest.raises(SessionError, match=r"no step is called trian; did you mean train\?"):
        linear.session().gradients("trian", x=X, y=Y)
    with pytest.raises(SessionError, match=r"no target is called cpus; did you mean cpu\?"):
        Session(linear.program(), "cpus")
    with pytest.raises(SessionError, match="float32 or float64, not float16"):
        linear.session(dtype="float16")


def test_arrays_without_names_are_told_how_they_are_given() -> None:
    session, called = linear.session(), linear.session().train
    calls = [
        (session.run, (X,), "a model's name comes first: run('f', ...)"),
        (called, (X, Y), "inputs and labels go together: train({'x': ..., 'y': ...})"),
        (called, (X,), "as in train({'x': ..., 'y': ...}); not of type ndarray"),
    ]
    for call, arrays, expected in calls:
        with pytest.raises(SessionError) as caught:
            call(*arrays)
        assert expected in str(caught.value)


def test_save_and_load_carry_everything_over(tmp_path: Path) -> None:
    first, second = linear.session(seed=1), linear.session(seed=2)
    first.step(x=X, y=Y)
    first.save(tmp_path / "a.safetensors")
    second.load(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(first.memory.words, second.memory.words)
    with pytest.raises(CheckpointError, match=r"f.w is float32 \[2\], model wants float64 \[2\]"):
        linear.session(dtype="float64").load(tmp_path / "a.safetensors")


def test_evaluate_is_a_mean_over_examples() -> None:
    data = linear.examples(2500)
    errors = data.arrays["x"] @ [0.5, -0.5] - data.arrays["y"]
    found = linear.session(dtype="float64").evaluate(data)
    assert found["loss"] == pytest.approx(np.mean(errors**2), rel=1e-6)


def test_a_call_waits_until_another_thread_has_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, steps = linear.session(), []
    thread = threading.Thread(target=lambda: steps.append(session.step(x=X, y=Y)))

    def write(path: Path, data: bytes) -> None:
        thread.start()
        thread.join(0.05)
        assert not steps

    monkeypatch.setattr("gradc_runtime.session.session.write_atomically", write)
    session.save(tmp_path / "weights")
    thread.join()
    assert len(steps) == 1


def test_a_session_takes_over_a_run_by_its_folder(tmp_path: Path) -> None:
    first, run = linear.session(seed=1), tmp_path / "runs" / "line"
    first.step(x=X, y=Y)
    checkpoints = run / "checkpoints"
    checkpoints.mkdir(parents=True)
    linear.session().save(checkpoints / "step-0000000001.safetensors")
    first.save(checkpoints / "step-0000000002.safetensors")
    second = linear.session(seed=2)
    second.load(run)
    np.testing.assert_array_equal(second.memory.words, first.memory.words)
    third = linear.session()
    third.load(run, only="f.w")
    np.testing.assert_array_equal(third.parameters["f.w"], first.parameters["f.w"])
    assert third.parameters["f.b"] != first.parameters["f.b"]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a folder, and no run left a checkpoint in it"):
        linear.session().load(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    linear.session().save(tmp_path / "checkpoints" / "step-0000000001.safetensors")
    (tmp_path / "command.json").write_text('{"encoding": {"classes": 3}}')
    with pytest.raises(CheckpointError, match="is damaged"):
        linear.session().load(tmp_path)


def test_a_session_lists_what_users_call_and_shows_its_parameters() -> None:
    session = linear.session()
    assert {"run", "train", "load", "parameters"} <= set(dir(session))
    assert "advance" not in dir(session) and all(hasattr(session, name) for name in dir(session))
    page = session._repr_html_()
    assert "f.w" in page and "Session of line: " in page and page.count("<tr>") == 3


def test_tensors_of_pytorch_are_inputs() -> None:
    torch = pytest.importorskip("torch")
    session = linear.session()
    found = session.run("f", x=torch.tensor(X))
    np.testing.assert_array_equal(found, session.run("f", x=X))
    with pytest.raises(SessionError, match=r"x: Tensor gives no array .*detach"):
        session.run("f", x=torch.tensor(X, requires_grad=True))
