"""`gradc sweep`: many settings as runs side by side, and the same command once more goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradc_runtime.cli.actions.sweep_plan import name_of, planned
from gradc_runtime.cli.completing import with_own_option
from gradc_runtime.cli.faults import Refused
from tests.runtime.cli.calling import Caller

ROOT = Path(__file__).parents[3]
REFERENCE = ("--target", "reference")


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes of their own find the packages where this one does."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))


def test_all_combinations_in_one_table_and_on_again(call: Caller) -> None:
    words = ("sweep", call.spec, "--set", "lr=0.05,0.01", "batch=4", *REFERENCE)
    first = call(*words, "--jobs", "2")
    assert first.code == 0, first.err
    assert "2 runs, 2 at a time; in runs/line-sweep" in first.err
    assert "best: runs/line-sweep/lr=0.05,batch=4" in first.err
    names = [line.split()[0] for line in first.out.splitlines() if line.strip()][2:]
    assert {*names} >= {"lr=0.05,batch=4", "lr=0.01,batch=4"}
    again = call(*words)
    assert "2 of them done" in again.err and again.out == first.out
    (call.folder / "runs/line-sweep/lr=0.01,batch=4/ended").unlink()  # as if it had been stopped
    assert "2 runs, 1 of them done" in call(*words).err
    log = (call.folder / "runs/line-sweep/lr=0.01,batch=4.log").read_text()
    assert "resumed after step 9" in log


def test_a_run_that_fails_leaves_the_others(call: Caller) -> None:
    answer = call("sweep", call.spec, "--set", "lr=-1,0.05", *REFERENCE, "--json")
    assert answer.code == 1 and [run["settings"]["lr"] for run in answer.data] == [0.05]
    assert "lr=-1  failed: " in answer.err and "error[E0403]" in answer.err


def test_a_signal_saves_what_runs(call: Caller) -> None:
    command = [sys.executable, "-m", "gradc_runtime.cli", "sweep", str(call.spec), *REFERENCE,
               "--set", "lr=0.05,0.01", "--jobs", "1", "--epochs", "100000000"]  # fmt: skip
    process = subprocess.Popen(command, cwd=call.folder, stderr=subprocess.PIPE, text=True)
    run = call.folder / "runs" / "line-sweep" / "lr=0.05"
    for _ in range(1200):
        if (run / "metrics.csv").is_file():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "the same command goes on with it" in err
    assert "interrupted after step" in run.with_suffix(".05.log").read_text()
    assert any((run / "checkpoints").iterdir()) and not run.with_name("lr=0.01").exists()


def test_grids_and_draws() -> None:
    grid = planned([("lr", "1e-2,1e-3"), ("hidden", "16,32,16")], None, 0)
    assert [*map(name_of, grid)] == [
        "lr=0.01,hidden=16", "lr=0.01,hidden=32", "lr=0.001,hidden=16", "lr=0.001,hidden=32",
    ]  # fmt: skip
    lists = [("lr", "1e-4..1e-1"), ("units", "2..4"), ("seed", "1,2")]
    drawn = planned(lists, 12, 5)
    assert drawn == planned(lists, 12, 5) != planned(lists, 12, 6)
    assert len({name_of(one) for one in drawn}) == 12
    for one in drawn:
        assert 1e-4 <= float(one["lr"]) <= 0.1 and one["units"] in (2, 3, 4)
    below = sum(float(one["lr"]) < 0.00316 for one in planned([("lr", "1e-4..1e-1")], 200, 1))
    assert 70 < below < 130  # evenly by magnitude
    assert len(planned([("lr", "1,2")], 50, 0)) == 2


@pytest.mark.parametrize(
    ("lists", "count", "message"),
    [
        ([("lr", "1..2")], None, "lr is a range: --random N says"),
        ([("lr", "2..1")], 3, "the first end is the lower one"),
        ([("lr", "1"), ("lr", "2")], None, "lr is set twice"),
        ([("../lr", "1")], None, "has a name such as lr"),
        ([(f"x{k}", "1,2,3,4") for k in range(9)], None, "262,144 combinations; --random N"),
    ],
)
def test_plans_that_are_none(lists: list[tuple[str, str]], count: int | None, message: str) -> None:
    with pytest.raises(Refused, match=message.replace(".", r"\.")):
        planned(lists, count, 0)


def test_set_takes_several() -> None:
    words = ["spec.nn", "--set", "lr=1e-3", "hidden=32", "--batch", "4", "--set", "a=1"]
    assert with_own_option(words) == [
        "spec.nn", "--set", "lr=1e-3", "--set", "hidden=32", "--batch", "4", "--set", "a=1",
    ]  # fmt: skip
    assert with_own_option(["x=1", "--set", "a=1", "spec.nn", "y=2"]) == [
        "x=1", "--set", "a=1", "spec.nn", "y=2",
    ]  # fmt: skip


def test_several_settings_reach_training(call: Caller) -> None:
    answer = call("train", call.spec, *REFERENCE, "--set", "lr=0.01", "batch=6", "epochs=1")
    assert answer.code == 0 and "batch 6, 1 epoch" in answer.err
