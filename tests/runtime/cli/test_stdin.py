"""A spec on standard input: `-` stands for it in every command, and its data lies here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.runtime.cli.calling import LINE, POINTS

ROOT = Path(__file__).parents[3]


def piped(folder: Path, *arguments: str, text: str = LINE) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with a text on its standard input."""
    (folder / "points.csv").write_text(POINTS)
    return subprocess.run(
        [sys.executable, "-m", "gradc_runtime.cli", *arguments], cwd=folder, input=text,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_check_and_its_errors(tmp_path: Path) -> None:
    assert "stdin: no errors, 2 parameters" in piped(tmp_path, "check", "-").stdout
    wrong = piped(tmp_path, "check", "-", text="model f(x : [3]) { y }\n")
    assert wrong.returncode == 1 and "stdin:1:20" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_training_finds_its_data_in_the_current_folder(tmp_path: Path) -> None:
    done = piped(tmp_path, "train", "-", "--target", "reference")
    assert done.returncode == 0, done.stderr
    assert "results in runs/stdin" in done.stderr
    assert (tmp_path / "runs" / "stdin" / "spec.nn").read_text() == LINE
    more = piped(tmp_path, "train", "-", "--resume", "--epochs", "4")
    assert more.returncode == 0 and "resumed after step 9" in more.stderr


def test_fmt_prints_or_compares(tmp_path: Path) -> None:
    assert piped(tmp_path, "fmt", "-", text=LINE.replace("= 2", "=2")).stdout == LINE
    assert piped(tmp_path, "fmt", "--check", "-").returncode == 0
    changed = piped(tmp_path, "fmt", "--check", "-", text=LINE.replace("= 2", "=2"))
    assert changed.returncode == 1 and changed.stdout == ""
