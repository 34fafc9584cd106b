"""`gradc train` on files that are read in blocks: said, measured, killed at any moment, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.cli.calling import Caller

ROOT = Path(__file__).parents[3]
BLOCKS = ("--set", "in_memory=0", "--set", "block=60")


def rows(call: Caller, run: str) -> list[dict[str, Any]]:
    """What a run measured, without the time that it took."""
    path = call.folder / "runs" / run / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.is_file() else []
    found = [json.loads(line) for line in lines if line.endswith("}")]
    return [{name: row[name] for name in row if name != "seconds"} for row in found]


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_a_run_that_was_killed_goes_on_to_the_bit(call: Caller, target: str) -> None:
    command = ["train", str(call.spec), "--target", target, *BLOCKS]
    child = subprocess.Popen(
        [sys.executable, "-m", "gradc_runtime.cli", *command, "--save-every", "0",
         "--epochs", "100000000"],
        cwd=call.folder, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while len(rows(call, "line")) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    epochs = str(len(rows(call, "line")) + 2)
    answer = call(*command, "--resume", "--epochs", epochs)
    assert answer.code == 0 and "resumed after step" in answer.err
    assert call(*command, "--epochs", epochs, "--name", "undisturbed").code == 0
    assert rows(call, "line") == rows(call, "undisturbed")
    assert len(rows(call, "line")) == int(epochs) > 2


def test_a_run_says_that_its_data_is_read_meanwhile(call: Caller) -> None:
    first = call("train", call.spec, "--target", "reference", *BLOCKS)
    assert "12 examples to train on, 4 held out; read while the network trains" in first.err
    assert "read while" not in call("train", call.spec, "--target", "reference").err
    measured = call("eval", call.spec, "--weights", "runs/line", *BLOCKS, "--json")
    whole = call("eval", call.spec, "--weights", "runs/line", "--set", "in_memory=1e9", "--json")
    assert measured.data == whole.data and measured.data["examples"] == 4
    seen = call("run", call.spec, "--weights", "runs/line", "--at", "3:5", "--json")
    assert len(seen.data["line"]) == 2


def test_another_order_is_refused(call: Caller) -> None:
    assert call("train", call.spec, "--target", "reference", *BLOCKS).code == 0
    answer = call("train", call.spec, "--resume", "--epochs", "9", "--set", "in_memory=1e9")
    assert answer.code == 1 and answer.err.count("\n") < 6
    assert "the run was started on blocks of 60 bytes, not rows in memory" in answer.err


def test_a_pattern_that_nothing_matches_is_one_line(call: Caller) -> None:
    answer = call("train", call.spec, "--data", 'csv("part-*.csv")')
    assert answer.code == 1 and answer.err.endswith('no file matches "part-*.csv"\n')


def test_a_line_that_is_wrong_ends_the_run_and_it_goes_on_once_it_is_mended(call: Caller) -> None:
    points = call.folder / "points.csv"
    good = points.read_text()
    points.write_text(good.replace("1.5,5.5", "1.5,oops"))
    command = ("train", call.spec, "--target", "reference", *BLOCKS)
    answer = call(*command)
    assert answer.code == 1
    line = answer.err.splitlines()[-1]
    assert line.startswith('gradc: points.csv:17: column y: "oops" is not a number; ')
    assert "; saved runs/line" in line
    assert line.endswith("add --resume to go on")
    points.write_text(good)
    assert call(*command, "--resume").code == 0
    assert call(*command, "--name", "undisturbed").code == 0
    assert rows(call, "line") == rows(call, "undisturbed")
