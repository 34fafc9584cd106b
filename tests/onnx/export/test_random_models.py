"""Models of random specs, over every construct of the language, are the same in onnxruntime."""

from __future__ import annotations

import random

import numpy as np
import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError
from gradc_runtime.onnx.export_file import exported
from tests.onnx.exporting import Examples, as_outputs, opened
from tests.random_specs.programs import spec

NARROW, WIDE = 40, 1_000
SLACK = 50  # times the error that float32 makes anyway


def agree(number: int) -> None:
    """One random spec: a file is as near to float64 as float32 is."""
    draws = random.Random(number)
    text = spec(draws.randrange)
    try:
        program = gradc.compile_source(text)
    except CompileError:  # a limit that the generator knows nothing of
        return
    narrow = gradc.Session(program, target="reference", seed=number)
    wide = gradc.Session(program, target="reference", dtype="float64", seed=number)
    for name, value in narrow.parameters.items():
        wide.parameters[name] = value.astype(float)
    for model in program.models:
        examples = Examples(program.inputs[model], 3)
        runner = opened(exported(narrow, model))
        (found,) = runner.run(None, examples.theirs)
        (near,) = as_outputs(narrow, model, examples).values()
        (exact,) = as_outputs(wide, model, examples).values()
        for row, single, double in zip(found, near, exact, strict=True):
            row = row[: len(single)] if isinstance(near, list) else row
            assert is_close(row, single, double), f"{model} of\n{text}"


def is_close(found: np.ndarray, near: np.ndarray, exact: np.ndarray) -> bool:
    """Whether an error is of the size that rounding makes; numbers that are none are the same."""
    with np.errstate(all="ignore"):
        scale = np.maximum(1, np.abs(exact))
        error, usual = np.abs(found - exact) / scale, np.abs(near - exact) / scale
    same = (found == near) | (np.isnan(found) & np.isnan(near))
    return bool((same | ~np.isfinite(usual) | (error <= 1e-4 + SLACK * usual)).all())


@pytest.mark.parametrize("first", range(0, NARROW, 10))
def test_random_models(first: int) -> None:
    for number in range(first, first + 10):
        agree(number)


@pytest.mark.wide
@pytest.mark.parametrize("first", range(NARROW, WIDE, 10))
def test_many_random_models(first: int) -> None:
    for number in range(first, first + 10):
        agree(number)
