"""`gradc train --target cuda` in the simulator, and what it copies.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file
from gradc_runtime.cli.run_command import run
from gradc_runtime.cuda.execution.chosen_device import device
from gradc_runtime.data import load
from gradc_runtime.session.session import Session

ROOT = Path(__file__).parents[3]
SPEC = ROOT / "specs" / "mnist_cnn.nn"


def losses(name: str, folder: Path) -> list[float]:
    """Every number of a run's table but the seconds."""
    with (folder / name / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [float(value) for row in rows for key, value in row.items() if key != "seconds"]


def test_a_limited_run_ends_with_the_loss_of_the_cpu(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    how = ["--epochs", "1", "--batch", "4", "--set", "limit=16", "--out", str(tmp_path)]
    for target in ("cuda", "cpu"):
        assert run(["train", str(SPEC), *how, "--target", target, "--name", target]) == 0
    np.testing.assert_allclose(losses("cuda", tmp_path), losses("cpu", tmp_path), rtol=1e-5)


def test_a_step_copies_no_parameters() -> None:
    """Nor does it copy examples of data that lies on the device: a few words for each batch."""
    pytest.importorskip("sklearn")
    program = compile_file(SPEC)
    session = Session(program, "cuda", seed=0)
    data = load(session.source, dtype="float32", seed=0).select(np.arange(12))
    traffic, parameters = device().traffic, session.memory.mirror.nbytes
    order = data.epoch(0, 0, 0, ["image", "label"])
    session.advance(order.chosen(0, 2), 2)  # type: ignore[attr-defined]
    before = traffic.to_device, traffic.to_host, traffic.launches
    session.advance(order.chosen(2, 4), 2)  # type: ignore[attr-defined]
    there, back = traffic.to_device - before[0], traffic.to_host - before[1]
    assert traffic.launches - before[2] == 2
    assert parameters > 200_000 and there < 2 * 64 and back < 2 * 64
    assert session.memory.finite() and traffic.to_host - before[1] < 3 * 64


def test_a_held_view_is_read_and_written_as_it_is_now() -> None:
    """A view that somebody keeps is the session's memory, as on other targets."""
    program = compile_file(ROOT / "specs" / "circle.nn")
    cuda, reference = (Session(program, t, "float64", seed=0) for t in ("cuda", "reference"))
    given = {"p": np.ones((3, 2)), "label": np.array([0, 1, 1])}
    name = next(iter(cuda.parameters))
    for session in (cuda, reference):
        session.step(**given)
        view = session.parameters[name]
        session.step(**given)
        seen = view.copy()
        view[...] = 0.25
        session.step(**given)
        session.parameters[name] = view * 2
        del view
        session.step(**given)
        if session is cuda:
            first = seen
    np.testing.assert_allclose(first, seen, rtol=1e-9)
    for name, value in reference.memory.views.items():
        np.testing.assert_allclose(cuda.memory.views[name], value, rtol=1e-9, err_msg=name)


def test_pieces_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of one call, two at a time, are those of one piece."""
    monkeypatch.setattr("gradc_runtime.cuda.execution.cuda_plan.MOST_STEPS", 2)
    program = compile_file(ROOT / "specs" / "circle.nn")
    cuda, reference = (Session(program, t, "float64", seed=0) for t in ("cuda", "reference"))
    rng = np.random.default_rng(0)
    given = {"p": rng.normal(size=(21, 2)), "label": rng.integers(0, 2, 21)}
    for session in (cuda, reference):
        entry = session.training.steps[0].entry
        found = session.advance(session.checked(entry, given, session.fields), 7)
        if session is cuda:
            losses_of = found
    for name, values in found.items():
        np.testing.assert_allclose(losses_of[name], values, rtol=1e-9)
