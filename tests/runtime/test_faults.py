"""Runs that are killed, and disks that fail: at most an interval is lost, and never a bit."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_runtime.session.checkpoint import NamedTensors
from gradc_runtime.session.train_settings import Settings
from gradc_runtime.training.run_folder import RunFolder
from gradc_runtime.training.trainer import Trainer
from tests.runtime import linear

SETTINGS = Settings(batch=8, epochs=400, seed=3)
ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from pathlib import Path
from tests.runtime.test_faults import run
print("ready", flush=True)
run(Path(sys.argv[1]), resume=True)
"""


def run(folder: Path | None, *, resume: bool = False, epochs: int = SETTINGS.epochs) -> Any:
    """Train the small program; gives the words at the end and the summary."""
    session = linear.session(seed=3)
    settings = Settings(batch=8, epochs=epochs, seed=3)
    trainer = Trainer(
        session, linear.examples(53), settings,
        folder=RunFolder(folder) if folder is not None else None, checkpoint_seconds=0,
    )  # fmt: skip
    summary = trainer.run(resume=resume)
    return session.memory.words, summary


def test_a_run_killed_at_any_moment_goes_on_to_the_bit(tmp_path: Path) -> None:
    moments = random.Random(0)
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(moments.uniform(0.0, 0.1))
        child.send_signal(signal.SIGKILL)
        child.communicate()
    words, summary = run(tmp_path, resume=True)
    expected, whole = run(None)
    np.testing.assert_array_equal(words, expected)
    assert [row["loss"] for row in summary.rows] == [row["loss"] for row in whole.rows]
    assert not list((tmp_path / "checkpoints").glob(".*"))


class Failing:
    """Counts calls, and fails one of them as a full disk does."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, failing when its turn comes."""

        def call(*args: Any, **keywords: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return function(*args, **keywords)

        return call


@pytest.mark.parametrize("at", [*range(1, 25), 50, 77])
def test_one_failed_write_costs_nothing_but_that_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    expected, _ = run(None, epochs=3)
    failing = Failing(at)
    for module, name in (
        (os, "fsync"),
        (os, "replace"),
        (os, "fdopen"),
        (os, "open"),
    ):
        monkeypatch.setattr(module, name, failing.around(getattr(module, name)))
    words, summary = run(tmp_path, epochs=3)
    monkeypatch.undo()
    assert failing.calls >= at
    np.testing.assert_array_equal(words, expected)
    assert summary.exit_code == 0
    newest, faults = NamedTensors(tmp_path / "checkpoints").newest()
    assert newest is not None and not faults
    assert newest.state["position"]["epoch"] == 3
    assert not list((tmp_path / "checkpoints").glob(".*"))
