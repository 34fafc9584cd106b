"""Exit codes: a spec at fault, a run at fault, an error of gradc's own, Ctrl-C."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.cli.calling import Caller

ROOT = Path(__file__).parents[3]


def broken(module: str, fault: BaseException, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make a function of an action raise."""

    def fail(*values: Any, **named: Any) -> None:
        raise fault

    monkeypatch.setattr(importlib.import_module(f"gradc_runtime.cli.actions.{module}"), name, fail)


def test_errors_of_a_spec_are_shown_all_at_once(call: Caller) -> None:
    call.spec.write_text(call.spec.read_text().replace("a * x", "c * x").replace("sgd", "sdg"))
    answer = call("train", call.spec)
    assert answer.code == 1 and answer.out == ""
    assert answer.err.count("error[E02") == 2 and "2 errors" in answer.err


def test_errors_are_data_with_json(call: Caller) -> None:
    call.spec.write_text(call.spec.read_text().replace("a * x", "c * x"))
    answer = call("show", call.spec, "--json")
    assert answer.code == 1 and answer.err == ""
    (found,) = answer.data
    assert found["primary"]["line"] == 5 and found["code"].startswith("E02")


def test_a_run_at_fault_is_one_line(call: Caller) -> None:
    answer = call("train", call.spec, "--data", 'csv("none.csv")')
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f'gradc: no file "none.csv" in {call.folder}\n'


def test_a_run_that_is_not_there_is_told_from_those_that_are(call: Caller) -> None:
    assert call("eval", call.spec, "--weights", "runs/line").err.endswith("runs/line\n")
    for name in ("first", "second"):
        (call.folder / "runs" / name / "checkpoints").mkdir(parents=True)
    near = call("eval", call.spec, "--weights", "runs/secnd").err
    assert near.endswith("there is no checkpoint runs/secnd; did you mean runs/second?\n")
    far = call("eval", call.spec, "--weights", "runs/line").err
    assert far.endswith("runs/line; there are runs/first, runs/second\n")


def test_an_absolute_path_is_in_no_folder(call: Caller) -> None:
    answer = call("train", call.spec, "--data", 'csv("/nowhere/none.csv")')
    assert answer.err == 'gradc: no file "/nowhere/none.csv"\n'


def test_an_internal_error_leaves_a_report(
    call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    broken("cache", ZeroDivisionError("by design"), monkeypatch, "cache_info")
    answer = call("cache")
    assert answer.code == 70 and answer.out == ""
    assert answer.err.count("\n") == 1
    match = re.search(r"internal error: ZeroDivisionError in .* \(.*: (\S+)\)", answer.err)
    assert match is not None
    report = Path(match[1]).read_text()
    assert "by design" in report and "numba " in report and "gradc cache" in report


def test_debug_shows_the_traceback(
    call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    broken("cache", ZeroDivisionError("by design"), monkeypatch, "cache_info")
    with pytest.raises(AssertionError, match="ZeroDivisionError: by design"):
        call("cache", "--debug")


@pytest.mark.parametrize(
    ("fault", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "gradc: interrupted\n"),
        (MemoryError(), 1, "gradc: there is not enough memory for this\n"),
        (
            ModuleNotFoundError("", name="numba"),
            2,
            "gradc: this needs numba, which is not installed\n",
        ),
        (PermissionError(13, "Permission denied", "x.nn"), 2, "gradc: x.nn: Permission denied\n"),
    ],
)
def test_other_faults(
    call: Caller, monkeypatch: pytest.MonkeyPatch, fault: BaseException, code: int, line: str
) -> None:
    broken("cache", fault, monkeypatch, "cache_info")
    answer = call("cache")
    assert (answer.code, answer.err.lstrip("\n")) == (code, line)


def test_numbers_that_json_lacks_are_null() -> None:
    output = importlib.import_module("gradc_runtime.cli.actions.output")
    assert json.dumps(output.strict({"a": (float("nan"), 1.0)})) == '{"a": [null, 1.0]}'


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["train", "--set", f"lr=1{'0' * 310}"], f"lr needs a finite number, not 1{'0' * 39}"),
        (["train", "--set", f"lr={'9' * 5000}"], f"lr needs a finite number, not {'9' * 40}"),
        (["run", "--at", "9" * 5000], f"{'9' * 40} is neither a number (3) nor a range (0:10)"),
        (["run", "--at", "1:" + "9" * 5000], f"1:{'9' * 38} is neither a number (3) nor a range"),
        (["run", "--input", f"x={'9' * 5000}"], "x: 999"),
        (["run", "--input", f"x={'[' * 5000}"], "x: [[["),
    ],
)
def test_numbers_without_end_are_one_line(call: Caller, words: list[str], line: str) -> None:
    answer = call(words[0], call.spec, *words[1:])
    assert answer.code == 2 and answer.out == "" and line in answer.err
    assert len(answer.err) < 1200


@pytest.mark.parametrize("words", ["run SPEC x=1", "--help"])
def test_a_full_disk_under_standard_output_is_one_line(call: Caller, words: str) -> None:
    command = [
        sys.executable,
        "-m",
        "gradc_runtime.cli",
        *words.replace("SPEC", str(call.spec)).split(),
    ]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    line = "gradc: the answer could not be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, line)
