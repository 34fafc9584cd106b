"""`gradc.compile_file` finds what an earlier run compiled, and no other program for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.compile_file import is_plain
from gradc_compiler.pipeline import compile_file as compile_anew

ROOT = Path(__file__).parents[2]
MODEL = "model line(x : [3]) -> [{size}] {{ ({factor} * x) |> dense({size}) }}\n"
STARTS = """
import sys, gradc, numpy
program = gradc.compile_file(sys.argv[1])
found = gradc.Session(program, threads=1, seed=1).run("line", x=numpy.ones((4, 3)))
print("gradc_compiler.pipeline" in sys.modules, numpy.asarray(found).tolist())
"""


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are kept, as they are outside of tests."""
    monkeypatch.setenv("GRADC_SCHEDULES", "1")


def started(spec: Path, cache: Path) -> list[str]:
    """Whether a process of its own compiled a spec, and its model's numbers."""
    found = subprocess.run(
        [sys.executable, "-c", STARTS, str(spec)], capture_output=True, text=True, check=True,
        env={**os.environ, "GRADC_CACHE": str(cache), "GRADC_SCHEDULES": "1"},
    )  # fmt: skip
    return found.stdout.split(" ", 1)


def test_a_second_process_compiles_nothing_and_has_the_same_numbers(tmp_path: Path) -> None:
    spec = tmp_path / "line.nn"
    spec.write_text(MODEL.format(size=2, factor=1.5))
    first, again = started(spec, tmp_path / "cache"), started(spec, tmp_path / "cache")
    assert (first[0], again[0]) == ("True", "False")
    assert first[1] == again[1]
    spec.write_text(MODEL.format(size=2, factor=2.5))
    changed = started(spec, tmp_path / "cache")
    assert changed[0] == "True" and changed[1] != first[1]


@pytest.mark.parametrize(
    ("target", "dtype"),
    [("cpu", "float32"), ("cpu", "float64"), ("reference", "float32"), ("reference", "float64")],
)
def test_numbers_are_those_of_a_program_compiled_anew(target: str, dtype: str) -> None:
    spec = ROOT / "specs" / "circle.nn"
    gradc.compile_file(spec)
    points = np.random.default_rng(0).normal(size=(5, 2))
    found = []
    for program in (gradc.compile_file(spec), compile_anew(spec)):
        session = gradc.Session(program, target, dtype, threads=1, seed=3)
        found.append(session.run("inside", p=points))
    np.testing.assert_array_equal(*found)


def test_settings_have_programs_of_their_own() -> None:
    spec = ROOT / "specs" / "mnist_cnn.nn"
    batches = [gradc.compile_file(spec, overrides={"batch": size}) for size in (8, 16, 8)]
    assert [p.training and p.training.settings["batch"] for p in batches] == [8, 16, 8]
    assert gradc.compile_file(spec, exact=True).exact is None
    assert gradc.compile_file(spec).exact is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"overrides": {"batch": "many"}}, "finite number"),
        ({"overrides": [1]}, "mapping by name"),
        ({"without": ["no such pass"]}, "no optimisation is called"),
        ({"without": 3}, "passes are names"),
        ({"precision": "float8"}, "a precision is"),
    ],
)
def test_wrong_arguments_are_told_each_time(given: dict[str, Any], said: str) -> None:
    for _ in range(2):
        with pytest.raises((gradc.CompileError, ValueError), match=said):
            gradc.compile_file(ROOT / "specs" / "house.nn", **given)


def test_errors_of_a_spec_are_told_each_time(tmp_path: Path) -> None:
    spec = tmp_path / "wrong.nn"
    spec.write_text("model f(x : [3]) -> [2] { dens(x, 2) }\n")
    for _ in range(2):
        with pytest.raises(gradc.CompileError) as fault:
            gradc.compile_file(spec)
        assert [d.code for d in fault.value.diagnostics] == ["E0201"]


def test_what_has_no_plain_text_is_compiled() -> None:
    assert is_plain({"batch": 8, "lr": 0.1, "data": "mnist()"}, ("fuse",), False, "bf16")
    assert not is_plain({"data": Path("x.npy")}, (), False, None)
    assert not is_plain({}, "fuse", False, None)
    assert not is_plain({}, (), np.bool_(True), None)
