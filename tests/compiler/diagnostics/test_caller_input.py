"""Wrong calls of the compiler: a diagnostic each, as for a wrong spec."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.pipeline import compile_file, compile_source

LINE = """model f(a : scalar) -> scalar { param w = 1; w * a }
data d(a : scalar, y : scalar) = line(20)
train on d { minimize (f(a) - y)^2 using sgd(lr = 0.1), batch 8 }
"""


def message(text: Any, overrides: Any = None) -> str:
    """What the one diagnostic says."""
    with pytest.raises(CompileError) as caught:
        compile_source(text, overrides=overrides)
    (found,) = caught.value.diagnostics
    assert len(found.message) < 100
    return f"{found.code}: {found.message}"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"lr": 10**400}, f"E0403: `lr` is a finite number, got 1{'0' * 39}..."),
        ({"lr": 10**5000}, "E0403: `lr` is a finite number, got a whole number of thousands of di"),
        ({"lr": float("nan")}, "E0403: `lr` is a finite number, got nan"),
        ({"batch": float("inf")}, "E0403: `batch` is a finite number, got inf"),
        ({"lr": "x"}, "E0403: `lr` is a finite number, got 'x'"),
        ({"lr": True}, "E0403: `lr` is a finite number, got True"),
        ({"lr": 1j}, "E0403: `lr` is a finite number, got 1j"),
        ({"lr": None}, "E0403: `lr` is a finite number, got None"),
        ({3: 3}, "E0403: a setting is named by text, not by 3"),
        (3, "E0403: settings are a mapping by name, not an int"),
        ([("lr", 1)], "E0403: settings are a mapping by name, not a list"),
        ({"data": 3}, "E0607: data comes from a call such as"),
    ],
)
def test_settings_from_outside_are_numbers_by_name(overrides: Any, expected: str) -> None:
    assert message(LINE, overrides).startswith(expected)


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), 0.5])
def test_numbers_of_numpy_are_numbers(value: Any) -> None:
    training = compile_source(LINE, overrides={"lr": value, "batch": np.int64(4)}).training
    assert training is not None
    assert (training.settings["batch"], training.steps[0].using) == (4, "sgd(lr = 0.5)")


def test_a_spec_is_text_and_a_path_is_one() -> None:
    assert message(3) == "E0101: a spec is text, not an int"
    assert message(b"model") == "E0101: a spec is text, not a bytes"
    for path in (3, None, b"a.nn", Decimal(1)):
        with pytest.raises(CompileError, match="a path is text, not a"):
            compile_file(path)  # type: ignore[arg-type]
    with pytest.raises(CompileError, match="cannot read this file"):
        compile_file(Path("nowhere.nn"))


@pytest.mark.parametrize(("without", "name"), [(["x"], "x"), ([3], "3"), ("fusio", "fusio")])
def test_passes_have_names(without: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"no optimisation is called {name}; there are simplify"):
        compile_source(LINE, without=without)
    with pytest.raises(ValueError, match="passes are names, not an int"):
        compile_source(LINE, without=3)  # type: ignore[arg-type]
