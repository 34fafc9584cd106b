"""Training: what is recorded, when it stops, and that a run cut short goes on to the bit."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from gradc_runtime.data.arrays.shuffle import permutation
from gradc_runtime.session import checkpoint
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import Settings, resolve
from gradc_runtime.system.errors import CheckpointError, Diverged, Interrupted, SessionError
from gradc_runtime.training import last_state
from gradc_runtime.training.display import Silent
from gradc_runtime.training.run_folder import RunFolder
from gradc_runtime.training.trainer import Trainer
from tests.runtime import linear

SETTINGS = Settings(batch=8, epochs=5, held_out=0.2, seed=3)


class Killed(Exception):
    """Stands for a process that ends at once."""


class Watcher(Silent):
    """Keeps the notes, and does something after so many calls."""

    def __init__(self, calls: int = -1, act: Callable[[], None] = lambda: None) -> None:
        self.left, self.act = calls, act
        self.notes: list[str] = []

    def batch(self, epoch: int, batch: int, found: Mapping[str, float]) -> None:
        """Count down, then act."""
        self.left -= 1
        if self.left == 0:
            self.act()

    def note(self, line: str) -> None:
        """Keep it."""
        self.notes.append(line)


def kill() -> None:
    """End at once."""
    raise Killed


def trainer(
    session: Session, folder: Path | None = None, watcher: Watcher | None = None
) -> Trainer:
    """A trainer that checkpoints after every call and takes one step a call."""
    run = RunFolder(folder) if folder is not None else None
    result = Trainer(
        session, linear.examples(53), SETTINGS, folder=run, display=watcher, checkpoint_seconds=0
    )
    result.pace.most = 1
    return result


def undisturbed() -> np.ndarray:
    """The words after a run that nothing happened to."""
    session = linear.session(seed=3)
    trainer(session).run()
    return session.memory.words


def test_the_loss_falls_and_every_example_is_used() -> None:
    session = linear.session(seed=3)
    summary = session.train(linear.examples(53), epochs=5, batch=8, held_out=0.2)
    assert summary.step == 5 * 6  # 43 examples to train on: five batches of 8 and one of 3
    assert int(session.memory.views["step"]) == 30
    assert summary.rows[-1]["held_out.loss"] < 0.01 * summary.rows[0]["loss"]
    np.testing.assert_allclose(session.parameters["f.w"], [2, -1], atol=0.01)


def test_steps_in_one_call_do_not_change_the_result() -> None:
    session = linear.session(seed=3)
    fast = trainer(session)
    fast.pace.most = fast.pace.steps = 4
    fast.run()
    np.testing.assert_array_equal(session.memory.words, undisturbed())


@pytest.mark.parametrize("calls", [1, 5, 6, 7, 17, 30])
def test_a_killed_run_goes_on_to_the_bit(tmp_path: Path, calls: int) -> None:
    with pytest.raises(Killed):
        trainer(linear.session(seed=3), tmp_path, Watcher(calls, kill)).run()
    session = linear.session(seed=3)
    summary = trainer(session, tmp_path).run(resume=True)
    np.testing.assert_array_equal(session.memory.words, undisturbed())
    whole = trainer(linear.session(seed=3)).run()
    for row, other in zip(summary.rows, whole.rows, strict=True):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}


def test_a_damaged_checkpoint_costs_an_interval_not_the_run(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        trainer(linear.session(seed=3), tmp_path, Watcher(9, kill)).run()
    RunFolder(tmp_path).store.paths()[0].write_bytes(b"cut off")
    session, watcher = linear.session(seed=3), Watcher()
    trainer(session, tmp_path, watcher).run(resume=True)
    np.testing.assert_array_equal(session.memory.words, undisturbed())
    assert "step-0000000008.safetensors is damaged" in watcher.notes[0]
    assert watcher.notes[1] == "resumed after step 7 (step-0000000007.safetensors)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_checkpoints_and_stops(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    watcher = Watcher(4, lambda: os.kill(os.getpid(), number))
    with pytest.raises(
        Interrupted, match=r"interrupted after step 4: saved .*add --resume"
    ) as found:
        trainer(linear.session(seed=3), tmp_path, watcher).run()
    assert found.value.exit_code == 130
    assert found.value.path is not None and found.value.path.is_file()
    assert signal.getsignal(number) == before
    session = linear.session(seed=3)
    trainer(session, tmp_path).run(resume=True)
    np.testing.assert_array_equal(session.memory.words, undisturbed())


def test_a_run_leaves_its_records(tmp_path: Path) -> None:
    folder = RunFolder.new(tmp_path, "line")
    Trainer(linear.session(seed=3), linear.examples(53), SETTINGS, folder=folder).run()
    lines = (folder.path / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5]
    with (folder.path / "metrics.csv").open() as stream:
        assert [float(row["loss"]) for row in csv.DictReader(stream)] == [r["loss"] for r in rows]
    assert (folder.path / "spec.nn").read_text() == "# a line\n"
    settings = json.loads((folder.path / "settings.json").read_text())
    assert (settings["batch"], settings["seed"], settings["dtype"]) == (8, 3, "float32")
    assert folder.store.best.is_file()
    assert RunFolder.new(tmp_path, "line").path.name == "line-2"
    assert RunFolder.latest(tmp_path, "line").path == folder.path


def test_the_best_epoch_is_kept(tmp_path: Path) -> None:
    run = trainer(linear.session(seed=3), tmp_path)
    rows = run.run().rows
    best = min(rows, key=lambda row: row["held_out.loss"])
    kept = checkpoint.read_checkpoint(RunFolder(tmp_path).store.best)
    assert kept.state["position"]["epoch"] == best["epoch"]
    session = linear.session()
    kept.copy_into(session.memory.views)
    assert run.held_out is not None
    assert session.evaluate(run.held_out)["loss"] == best["held_out.loss"]


def test_training_stops_when_nothing_improves() -> None:
    data = linear.examples(40)
    summary = linear.session().train(data, epochs=500, batch=8, patience=3)
    scores = [row["held_out.loss"] for row in summary.rows]
    assert summary.stopped_early and len(scores) < 500
    assert min(scores) == scores[-4] < min(scores[-3:])


def test_a_full_disk_does_not_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Full)
    session, watcher = linear.session(seed=3), Watcher()
    summary = trainer(session, tmp_path, watcher).run()
    np.testing.assert_array_equal(session.memory.words, undisturbed())
    assert summary.exit_code == 1
    lines = [line for line in watcher.notes if "checkpoint" in line]
    assert lines[0] == (
        "could not save a checkpoint: disk full (needs 0.0 MB, 0.0 MB free). Training goes on;"
        " none so far"
    )


def test_a_number_that_is_not_finite_stops_at_its_step() -> None:
    session = linear.session(seed=3)
    run = trainer(session)
    run.pace.most = run.pace.steps = 4
    rows = run.train.arrays["x"]
    order = linear_order(run)
    rows[order[2 * 8]] = 3e38  # in the third batch; finite, so that no check of the data sees it
    before = expected_after(run, 2)
    with pytest.raises(Diverged) as caught:
        run.run()
    assert str(caught.value).startswith("loss is inf at step 3 (epoch 1, batch 3); ")
    np.testing.assert_array_equal(session.memory.words, before)


@pytest.mark.parametrize("calls", [1, 3, 16])
@pytest.mark.parametrize("steps", [1, 2])
def test_one_copy_of_the_state_serves_several_calls(
    monkeypatch: pytest.MonkeyPatch, calls: int, steps: int
) -> None:
    """The run ends in the words before the bad step, however long ago the copy was made."""
    monkeypatch.setattr(last_state, "CALLS", calls)
    session = linear.session(seed=3)
    run = trainer(session)
    run.pace.most = run.pace.steps = steps
    run.train.arrays["x"][linear_order(run)[4 * 8]] = 3e38  # in the fifth batch
    before = expected_after(run, 4)
    with pytest.raises(Diverged) as caught:
        run.run()
    assert str(caught.value).startswith("loss is inf at step 5 (epoch 1, batch 5); ")
    np.testing.assert_array_equal(session.memory.words, before)
    assert run.last.calls == (4 // steps) % calls + 1  # since the copy


def linear_order(run: Trainer) -> np.ndarray:
    """The order of the first epoch."""
    return permutation(run.train.examples, SETTINGS.seed, 0)


def expected_after(run: Trainer, steps: int) -> np.ndarray:
    """The words after some steps of the first epoch."""
    session, order = linear.session(seed=3), linear_order(run)
    for i in range(steps):
        session.step(**run.train.take(order[8 * i : 8 * i + 8]))
    return session.memory.words


def test_a_run_goes_on_only_as_it_began(tmp_path: Path) -> None:
    trainer(linear.session(seed=3), tmp_path).run()
    folder = RunFolder(tmp_path)
    for settings, examples, expected in (
        (Settings(batch=9, seed=3), 53, "started with batch 8, not 9"),
        (Settings(batch=8, seed=4), 53, "started with seed 3, not 4"),
        (Settings(batch=8, seed=3), 63, "started on 43 examples, not 51"),
    ):
        other = Trainer(linear.session(), linear.examples(examples), settings, folder=folder)
        with pytest.raises(CheckpointError, match=expected):
            other.run(resume=True)


def test_settings_are_resolved_and_checked() -> None:
    spec = {"batch": 64.0, "epochs": 3.0}
    assert resolve(spec, epochs=7, seed=None) == Settings(batch=64, epochs=7)
    for settings, expected in (
        ({"batch": 0}, "batch must be a whole number from 1, not 0"),
        ({"epochs": 1.5}, "epochs must be a whole number from 0, not 1.5"),
        ({"held_out": 1.0}, "held_out must be at least 0 and less than 1, not 1.0"),
        ({"batches": 3}, "no setting is called batches; there are batch, epochs"),
    ):
        with pytest.raises(SessionError, match=expected):
            resolve(spec, **settings)


def test_a_run_rewound_to_nothing_keeps_its_header(tmp_path: Path) -> None:
    folder = RunFolder.new(tmp_path, "run")
    folder.append({"epoch": 1, "loss": 2.0})
    folder.write([])
    folder.append({"epoch": 1, "loss": 2.0})
    assert (folder.path / "metrics.csv").read_text() == "epoch,loss\n1,2.0\n"


def test_a_run_killed_before_it_wrote_anything_is_found(tmp_path: Path) -> None:
    made = RunFolder.new(tmp_path, "run")
    assert RunFolder.latest(tmp_path, "run").path == made.path
    (made.path / "holiday.jpg").write_text("not a run")
    with pytest.raises(CheckpointError, match="no run called run"):
        RunFolder.latest(tmp_path, "run")
