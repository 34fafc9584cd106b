"""Warnings: shown and counted, as data, denied, said once by `train`, kept by a program."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradc
from tests.runtime.cli.calling import LINE, POINTS, SPECS, Caller

DOUBTFUL = LINE.replace("minimize (line(x) - y)^2", "minimize (log(line(x)) - y)^2 + 0 * x / y")
PLACE = "(log(line(x)) - y)^2"


def written(folder: Path) -> Path:
    """A spec with a logarithm of what may be 0, and its data."""
    (folder / "points.csv").write_text(POINTS)
    (folder / "doubtful.nn").write_text(DOUBTFUL)
    return folder / "doubtful.nn"


def test_check_shows_warnings_and_stays_at_0(call: Caller, tmp_path: Path) -> None:
    answer = call("check", written(tmp_path))
    assert answer.code == 0
    assert "warning[W0003]: the logarithm of what may be 0" in answer.err
    assert f"10 |     minimize {PLACE}" in answer.err and "^^^^^^^^^^^^" in answer.err
    assert "doubtful.nn: no errors, 1 warning, 2 parameters" in answer.out


def test_denied_warnings_are_errors(call: Caller, tmp_path: Path) -> None:
    answer = call("check", "--deny", "warnings", written(tmp_path))
    assert answer.code == 1
    assert "error[W0003]" in answer.err and "warning[" not in answer.err
    assert "doubtful.nn: 1 error, 2 parameters" in answer.out
    assert call("check", "--deny", "warnings", SPECS / "curve.nn").code == 0


def test_as_data_they_have_a_severity(call: Caller, tmp_path: Path) -> None:
    spec = written(tmp_path)
    plain, denied = (call("check", "--json", *more, spec) for more in ((), ("--deny", "warnings")))
    (found,) = plain.data["warnings"]
    assert (plain.code, plain.data["errors"], found["code"]) == (0, [], "W0003")
    assert (found["severity"], found["primary"]["line"]) == ("warning", 10)
    (found,) = denied.data["errors"]
    assert (denied.code, denied.data["warnings"], found["severity"]) == (1, [], "error")


def test_train_says_them_once_in_a_line(call: Caller, tmp_path: Path) -> None:
    answer = call("train", written(tmp_path), "--out", tmp_path / "runs", "--target", "reference")
    assert answer.err.count("warning[W0003]") == 1
    assert "doubtful.nn:10:15: warning[W0003]: " in answer.err


def test_a_program_has_them_and_prints_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program = gradc.compile_file(written(tmp_path))
    assert [(d.code, d.primary.span.line) for d in program.warnings] == [("W0003", 10)]
    assert capsys.readouterr() == ("", "")
    assert gradc.compile_file(SPECS / "house.nn").warnings == ()


def test_a_code_of_a_warning_is_explained(call: Caller) -> None:
    answer = call("explain", "W0003")
    assert answer.code == 0 and "Wrong:" in answer.out and "Right:" in answer.out
