"""A second `gradc run` of a spec reads nothing but what the first one kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.cli.calling import LINE, POINTS

ASKED = ("run", "line.nn", "--input", "x=3")
RUN = """
import sys
from gradc_runtime.cli.run_command import run
code = run(sys.argv[1:])
loaded = [name for name in sys.modules if name.startswith("gradc_compiler.elaborate")]
print("compiled" if loaded else "found", code)
"""


def gradc(folder: Path, *words: str) -> list[str]:
    """The lines of a command, and whether it compiled anything."""
    kept = {"GRADC_CACHE": str(folder / "cache"), "GRADC_SCHEDULES": "1", "GRADC_LEVEL": ""}
    command = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **kept}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "line.nn").write_text(LINE.replace("param a = 2", "param a ~ normal(0, 1)"))
    (tmp_path / "points.csv").write_text(POINTS)
    return tmp_path


def test_a_second_run_compiles_nothing(folder: Path) -> None:
    first, second = gradc(folder, *ASKED), gradc(folder, *ASKED)
    assert first[-1] == "compiled 0" and second[-1] == "found 0"
    assert first[:-1] == second[:-1] and len(first) > 1
    other = gradc(folder, *ASKED, "--seed", "5")
    assert other[-1] == "found 0" and other[:-1] != first[:-1]


def test_what_a_run_did_not_keep_is_compiled(folder: Path) -> None:
    gradc(folder, *ASKED)
    assert gradc(folder, "eval", "line.nn", "--all")[-1] == "compiled 0"
    assert gradc(folder, "eval", "line.nn", "--all")[-1] == "found 0"
    wide = gradc(folder, *ASKED, "--dtype", "float64")
    assert wide[-1] == "compiled 0"
