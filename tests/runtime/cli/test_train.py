"""`gradc train` and `gradc eval`: runs, their folders, resuming, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradc_runtime.cli.actions import plotting
from gradc_runtime.session.checkpoint import NamedTensors, read_checkpoint
from tests.runtime.cli.calling import POINTS, Caller
from tests.runtime.test_runs import HOLD

ROOT = Path(__file__).parents[3]
REFERENCE = ("--target", "reference")


def newest(run: Path) -> bytes:
    """The last checkpoint of a run."""
    return NamedTensors(run / "checkpoints").paths()[0].read_bytes()


def test_a_run_leaves_all_its_files(call: Caller) -> None:
    answer = call("train", call.spec, *REFERENCE)
    assert answer.code == 0 and answer.out == ""
    assert "12 examples to train on, 4 held out" in answer.err
    assert "done after 9 steps" in answer.err
    run = call.folder / "runs" / "line"
    names = {path.name for path in run.iterdir()}
    assert names == {"spec.nn", "settings.json", "command.json", "metrics.csv", "metrics.jsonl",
                     "checkpoints", ".lock"}  # fmt: skip
    assert json.loads((run / "settings.json").read_text())["epochs"] == 3


def test_a_long_compilation_says_which_entry_it_is_at(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("rich.status.Status.update", lambda self, status: told.append(status))
    assert call("train", call.spec, *REFERENCE).code == 0
    assert told == ["compiling step/train (1 of 2)", "compiling evaluate/train (2 of 2)"]


@pytest.mark.parametrize("name", ["../up", "a/b", "..", "/tmp/x"])
def test_a_run_stays_in_the_folder_of_runs(call: Caller, name: str) -> None:
    answer = call("train", call.spec, *REFERENCE, "--name", name)
    assert answer.code == 2 and "not a path" in answer.err and not (call.folder / "runs").exists()


def test_a_run_is_drawn(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without.setattr(plotting, "find_spec", lambda name: None)
        refused = call("train", call.spec, *REFERENCE, "--plot")
    assert refused.code == 2 and "--plot needs matplotlib: pip install matplotlib" in refused.err
    pytest.importorskip("matplotlib")
    assert "metrics.png" in call("train", call.spec, *REFERENCE, "--plot").err
    picture = call.folder / "runs" / "line" / "metrics.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_training_on_native_code(call: Caller) -> None:
    assert call("train", call.spec, "--out", "native").code == 0
    assert call("train", call.spec, "--out", "plain", *REFERENCE).code == 0
    rows = [
        json.loads((call.folder / out / "line" / "metrics.jsonl").read_text().splitlines()[-1])
        for out in ("native", "plain")
    ]
    assert rows[0]["loss"] == pytest.approx(rows[1]["loss"], rel=1e-5)


def test_settings_from_the_command_line(call: Caller) -> None:
    arguments = (
        "--set",
        "lr=0.001",
        "--set",
        "epochs=1",
        "--batch",
        "6",
        "--seed",
        "3",
        *REFERENCE,
    )
    answer = call("train", call.spec, *arguments, "--name", "slow", "--json")
    assert answer.code == 0
    first, last = map(json.loads, answer.out.splitlines())
    assert first["epoch"] == 1 and "held_out.loss" in first
    assert last["steps"] == 2 and last["run"] == "runs/slow"
    settings = json.loads((call.folder / "runs" / "slow" / "settings.json").read_text())
    assert (settings["batch"], settings["seed"], settings["session_seed"]) == (6, 3, 3)
    assert settings["using"] == {"train": "sgd(lr = 0.001)"}
    assert "lr" in (call.folder / "runs" / "slow" / "command.json").read_text()


def test_an_unknown_setting_is_an_error_of_the_spec(call: Caller) -> None:
    answer = call("train", call.spec, "--set", "rate=1")
    assert answer.code == 2 and answer.err.count("\n") == 1
    assert "nothing here is called rate" in answer.err
    assert "what can be set: batch, block, data, epochs, exact, held_out, in_memory" in answer.err
    assert not (call.folder / "runs").exists()


def test_a_limit_on_examples(call: Caller) -> None:
    """Of the spec or of the command line; a run that goes on keeps it."""
    answer = call("train", call.spec, *REFERENCE, "--set", "limit=3")
    assert answer.code == 0 and "3 examples to train on, 3 held out, limit 3" in answer.err
    assert "done after 3 steps" in answer.err
    more = call("train", "--resume", "runs/line", "--epochs", "4")
    assert more.code == 0 and "3 examples to train on" in more.err
    other = call("train", "--resume", "runs/line", "--set", "limit=4", "--epochs", "5")
    assert other.code == 1 and "was started with limit 3, not 4" in other.err
    judged = call("eval", call.spec, "--weights", "runs/line")
    assert judged.code == 0 and "3 held-out examples" in judged.err
    call.spec.write_text(call.spec.read_text().replace("epochs 3", "epochs 3, limit 5"))
    assert "limit 5" in call("check", call.spec).out
    assert "5 examples to train on" in call("train", call.spec, "--name", "own").err
    refused = call("train", call.spec, "--set", "limit=0")
    assert refused.code != 0 and "limit" in refused.err


def test_data_named_on_the_command_line_starts_here(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    call.spec = call.spec.rename(tmp_path / "deep" / "line.nn")
    assert call("train", call.spec, *REFERENCE).code == 1
    answer = call("train", call.spec, *REFERENCE, "--data", 'csv("points.csv")')
    assert answer.code == 0 and "points.csv: 12 examples" in answer.err


def test_resuming_goes_on_to_the_bit(call: Caller) -> None:
    options = (*REFERENCE, "--set", "lr=0.01", "--seed", "5")
    call("train", call.spec, *options, "--epochs", "4", "--name", "whole")
    call("train", call.spec, *options, "--epochs", "2", "--name", "part")
    answer = call("train", "--resume", "runs/part", "--epochs", "4")
    assert answer.code == 0 and "resumed after step 6" in answer.err
    runs = call.folder / "runs"
    whole, part = (
        read_checkpoint(NamedTensors(runs / n / "checkpoints").paths()[0])
        for n in ("whole", "part")
    )
    for name, tensor in whole.tensors.items():
        assert tensor.tobytes() == part.tensors[name].tobytes(), name


def test_resuming_the_last_run_of_a_spec(call: Caller) -> None:
    call("train", call.spec, *REFERENCE)
    call("train", call.spec, *REFERENCE)
    call.spec.write_text(call.spec.read_text() + "# more\n")
    answer = call("train", call.spec, "--resume", "--epochs", "4")
    assert answer.code == 0 and "results in runs/line-2" in answer.err
    assert "the spec is not the one that the run began with" in answer.err
    assert call("train", "--resume", call.spec, "--name", "other").code == 1


def test_eval_measures_what_was_held_out(call: Caller) -> None:
    call("train", call.spec, *REFERENCE, "--seed", "5", "--dtype", "float64")
    last = json.loads((call.folder / "runs/line/metrics.jsonl").read_text().splitlines()[-1])
    answer = call("eval", call.spec, "--weights", "runs/line", "--json", *REFERENCE)
    assert answer.code == 0
    assert answer.data["examples"] == 4
    assert answer.data["loss"] == pytest.approx(last["held_out.loss"], rel=1e-12)
    everything = call("eval", call.spec, "--weights", "runs/line", "--all", "--json", *REFERENCE)
    assert everything.data["examples"] == 16
    best = "runs/line/checkpoints/best.safetensors"
    assert "held-out" in call("eval", call.spec, "--weights", best, *REFERENCE).err


def test_eval_measures_all_of_other_data(call: Caller) -> None:
    call("train", call.spec, *REFERENCE, "--data", 'csv("points.csv")')
    (call.folder / "new.csv").write_text(POINTS.replace("1.5,", "2.5,"))
    known = ("eval", call.spec, "--weights", "runs/line", "--json", *REFERENCE)
    assert call(*known).data["of"] == "held-out examples"
    assert call(*known, "--data", 'csv("points.csv")').data["examples"] == 4
    other = call(*known, "--data", 'csv("new.csv")').data
    assert (other["examples"], other["of"]) == (16, "examples")
    untrained = call("eval", call.spec, "--data", 'csv("new.csv")', "--json", *REFERENCE).data
    assert untrained["examples"] == 16


def test_weights_of_another_model_are_refused(call: Caller) -> None:
    call("train", call.spec, *REFERENCE)
    call.spec.write_text(call.spec.read_text().replace("param b", "param c").replace("+ b", "+ c"))
    answer = call("eval", call.spec, "--weights", "runs/line", *REFERENCE)
    assert answer.code == 1 and "does not fit: it lacks line.c" in answer.err


def test_ctrl_c_saves_and_leaves_with_130(call: Caller) -> None:
    command = [sys.executable, "-m", "gradc_runtime.cli", "train", str(call.spec), *REFERENCE,
               "--epochs", "100000000"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=call.folder, env=environment, stderr=subprocess.PIPE, text=True
    )
    wait_for(call.folder / "runs" / "line" / "metrics.csv")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "add --resume to go on" in err and "Traceback" not in err


def wait_for(path: Path) -> None:
    """Until a file or a folder is there."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.05)


def test_a_second_process_in_a_run_gets_one_line(call: Caller) -> None:
    call("train", call.spec, *REFERENCE)
    run = call.folder / "runs" / "line"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None and child.stdout.readline() == b"held\n"
    answer = call("train", call.spec, "--resume", "--epochs", 9)
    child.kill()
    child.communicate()
    assert answer.code == 1 and answer.err.count("\n") == 1
    assert f"gradc: runs/line is being trained by process {child.pid}; wait" in answer.err
    assert call("train", call.spec, "--resume", "--epochs", 9).code == 0


@pytest.mark.parametrize(
    ("file", "damage", "code", "line"),
    [
        ("spec.nn", b"\xff\xfe\0", 0, "note: the spec is not the one that the run began with"),
        ("metrics.jsonl", b"3\n{}\n\xff", 1, "lacks 3 of 3 epochs, whose rows were dam"),
        ("settings.json", b"\xff", 0, "resumed after step 9"),
        ("command.json", b'{"spec": "x", "folder": null, "without": [3], "overrides": {}, '
         b'"settings": {}}', 1, "command.json is damaged (no optimisation is called 3;"),
        ("command.json", b'{"spec": "x", "folder": null, "without": [], "overrides": 3, '
         b'"settings": {}}', 1, "command.json is damaged (its settings are none)"),
    ],
)  # fmt: skip
def test_damage_in_the_folder_of_a_run(
    call: Caller, file: str, damage: bytes, code: int, line: str
) -> None:
    call("train", call.spec, *REFERENCE)
    (call.folder / "runs" / "line" / file).write_bytes(damage)
    answer = call("train", call.spec, "--resume", "--epochs", 4)
    assert answer.code == code and line in answer.err
