"""What a run does not lose: damaged rows, full disks, senseless checkpoints, a second process."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_runtime.session.checkpoint import Checkpoint
from gradc_runtime.system.errors import CheckpointError, Interrupted
from gradc_runtime.system.folder_lock import held
from gradc_runtime.training.run_folder import METRICS, RunFolder
from tests.runtime import linear
from tests.runtime.training.test_trainer import Killed, Watcher, kill, trainer, undisturbed

ROOT = Path(__file__).parents[2]
DAMAGE = [
    b"3", b"{}", b"null", b"[1]", b"\xff\xfe" * 50, b"\0" * 40, b"[" * 100_000, b'{"epoch": 2',
    b'{"epoch": true, "step": 1, "seconds": 1}', b'{"epoch": 2, "step": 12, "seconds": "x"}',
    b'{"epoch": 2, "st{"epoch": 3, "step": 18, "seconds": 0.1}', b"9" * 5000,
    b'{"epoch": 2, "step": 12, "seconds": 0.1, "loss": [1]}',
]  # fmt: skip


def cut_short(folder: Path, calls: int = 27) -> list[bytes]:
    """A run killed in its fifth epoch; the lines of its metrics."""
    with pytest.raises(Killed):
        trainer(linear.session(seed=3), folder, Watcher(calls, kill)).run()
    return (folder / METRICS).read_bytes().splitlines()


@pytest.mark.parametrize("damage", DAMAGE, ids=range(len(DAMAGE)))
def test_a_damaged_row_is_dropped_with_a_note_and_alone(tmp_path: Path, damage: bytes) -> None:
    lines = cut_short(tmp_path)
    lines[1] = damage
    (tmp_path / METRICS).write_bytes(b"\n".join(lines) + b"\n")
    session, watcher = linear.session(seed=3), Watcher()
    summary = trainer(session, tmp_path, watcher).run(resume=True)
    np.testing.assert_array_equal(session.memory.words, undisturbed())
    assert [row["epoch"] for row in summary.rows] == [1, 3, 4, 5]
    assert watcher.notes[0].endswith("lacks 1 of 4 epochs, whose rows were damaged or lost")
    assert summary.exit_code == 1
    assert [row["epoch"] for row in RunFolder(tmp_path).rows()] == [1, 3, 4, 5]
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 5


def test_half_a_row_of_an_epoch_to_come_is_no_loss(tmp_path: Path) -> None:
    cut_short(tmp_path)
    with (tmp_path / METRICS).open("a") as stream:
        stream.write('{"epoch": 5, "st')
    watcher = Watcher()
    summary = trainer(linear.session(seed=3), tmp_path, watcher).run(resume=True)
    assert summary.exit_code == 0 and len(watcher.notes) == 1  # that it was resumed


def test_a_row_is_never_glued_to_half_a_row(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    row = {"epoch": 1, "step": 2, "seconds": 0.5, "loss": 2.0}
    (tmp_path / METRICS).write_text('{"epoch": 1, "st')
    (tmp_path / "metrics.csv").write_text("epoch,step,seconds,loss\n1,")
    folder.append(row)
    assert folder.rows() == [row]
    assert (tmp_path / "metrics.csv").read_text().splitlines()[2] == "1,2,0.5,2.0"


@contextmanager
def files_no_longer_than(count: int) -> Iterator[None]:
    """As on a disk that is full: what goes beyond is not written, or only half of it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_rows_that_did_not_fit_on_the_disk_are_written_when_they_do(tmp_path: Path) -> None:
    run = trainer(linear.session(seed=3), tmp_path, watcher := Watcher())
    keeper, row = run.keeper, {"step": 6, "seconds": 0.1, "loss": 1.5}
    keeper.record({"epoch": 1, **row})
    whole = (tmp_path / METRICS).read_bytes()
    with files_no_longer_than(len(whole) + 20):
        keeper.record({"epoch": 2, **row})
        keeper.record({"epoch": 3, **row})
        assert (tmp_path / METRICS).read_bytes() == whole
        assert keeper.lost()
    assert len(watcher.notes) == 3 and "could not write to" in watcher.notes[0]
    keeper.record({"epoch": 4, **row})
    assert not keeper.lost()
    assert [row["epoch"] for row in RunFolder(tmp_path).rows()] == [1, 2, 3, 4]


def edited(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    """A change of a state's position."""
    return lambda state: {**state, "position": {**state["position"], **changes}}


SENSELESS: list[Callable[[dict[str, Any]], Any]] = [
    edited(batch=-5), edited(epoch=1.5), edited(epoch=True), edited(step="3"), edited(step=None),
    edited(extra=1), edited(sums=None), edited(sums={"loss": "x"}), edited(sums={"other": 1.0}),
    edited(sums=[]), edited(best="low"), edited(best=float("nan")), edited(stale=-1),
    edited(batch=10**30), edited(epoch=2**70), edited(batch=7), edited(step=5), edited(sums={}),
    lambda state: {**state, "position": None}, lambda state: {**state, "position": [1, 2]},
    lambda state: {**state, "position": {}}, lambda state: {**state, "settings": 3},
    lambda state: {**state, "settings": {}}, lambda state: {**state, "examples": "many"},
    lambda state: {k: v for k, v in state.items() if k != "examples"},
    lambda state: {k: v for k, v in state.items() if k != "settings"},
]  # fmt: skip


@pytest.mark.parametrize("change", SENSELESS, ids=range(len(SENSELESS)))
def test_a_whole_checkpoint_of_no_sense_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    cut_short(tmp_path)
    store, session = RunFolder(tmp_path).store, linear.session(seed=3)
    found, _ = store.newest()
    assert found is not None
    data = replace(found, state=change(dict(found.state))).to_bytes()
    (store.folder / found.name).write_bytes(data)
    before = session.memory.words.copy()
    with pytest.raises(CheckpointError) as caught:
        trainer(session, tmp_path).run(resume=True)
    assert len(str(caught.value)) < 200
    np.testing.assert_array_equal(session.memory.words, before)


@pytest.mark.parametrize("state", ["null", "3", "true", '"x"', "[]", "[" * 100_000])
def test_a_state_is_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    session, path = linear.session(), tmp_path / "a.safetensors"
    with monkeypatch.context() as context:
        context.setattr(json, "dumps", lambda *a, **k: state)
        data = Checkpoint(tensors=session.memory.views, state={}).to_bytes()
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"a.safetensors is damaged or not a ch"):
        session.load(path)


HOLD = """
import sys, time
from pathlib import Path
from gradc_runtime.system.folder_lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_a_run_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(Exception, match=f"is being trained by process {child.pid}; wait"):
        held(tmp_path).__enter__()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    for _ in range(2):
        with held(tmp_path):
            pass


def test_where_no_lock_can_be_made_none_is_held(tmp_path: Path) -> None:
    with held(tmp_path / "nowhere"):
        pass


def test_a_folder_that_is_moved_away_is_told_and_begun_anew(tmp_path: Path) -> None:
    folder, moved = tmp_path / "run", tmp_path / "moved"
    folder.mkdir()
    watcher = Watcher(9, lambda: shutil.move(folder, moved))
    summary = trainer(linear.session(seed=3), folder, watcher).run()
    assert [note for note in watcher.notes if "was moved or deleted" in note] == [
        f"{folder} was moved or deleted; what follows is in a new one"
    ]
    assert summary.exit_code == 0
    assert {"spec.nn", "settings.json", METRICS, "checkpoints"} <= {
        p.name for p in folder.iterdir()
    }
    assert [row["epoch"] for row in RunFolder(folder).rows()] == [1, 2, 3, 4, 5]


def test_what_was_ignored_stays_ignored(tmp_path: Path) -> None:
    hang_up = lambda: signal.raise_signal(signal.SIGHUP)  # noqa: E731
    with pytest.raises(Interrupted):
        trainer(linear.session(seed=3), tmp_path / "a", Watcher(3, hang_up)).run()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        summary = trainer(linear.session(seed=3), tmp_path / "b", Watcher(3, hang_up)).run()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert summary.step == 30
