"""Models of random specs are exported, imported back, and are the same network.

Sequences of open lengths and draws are refused in one line, as in `test_round_trip.py`.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError
from tests.onnx.export.test_random_models import is_close
from tests.onnx.exporting import Examples, as_outputs
from tests.random_specs.programs import spec
from tests.runtime.cli.calling import Caller

NARROW, WIDE = 12, 412


def comes_back(number: int, call: Caller) -> int:
    """How many models of a spec were the same afterwards; others are refused in one line."""
    draws = random.Random(number)
    text, same = spec(draws.randrange), 0
    try:
        program = gradc.compile_source(text)
    except CompileError:  # a limit that the generator knows nothing of
        return 0
    narrow, wide = (
        gradc.Session(program, "reference", d, seed=number) for d in ("float32", "float64")
    )
    for name, value in narrow.parameters.items():
        wide.parameters[name] = value.astype(float)
    for model, types in program.inputs.items():
        narrow.export("model.onnx", model)
        answer = call("import", "model.onnx", "-o", "back.nn")
        if answer.code:
            assert answer.code == 1 and answer.err.count("\n") == 1, f"{answer} of\n{text}"
            continue
        back = gradc.Session(gradc.compile_file("back.nn"), target="reference")
        if back.parameters:
            back.load("back.safetensors")
        examples = Examples(types, 3)
        (found,) = as_outputs(back, next(iter(back.program.models)), examples).values()
        (near,) = as_outputs(narrow, model, examples).values()
        (exact,) = as_outputs(wide, model, examples).values()
        assert is_close(np.asarray(found), near, exact), f"{model} of\n{text}"
        same += 1
    return same


def test_random_models_come_back(call: Caller) -> None:
    assert sum(comes_back(number, call) for number in range(NARROW)) > NARROW // 2


@pytest.mark.wide
@pytest.mark.parametrize("first", range(NARROW, WIDE, 10))
def test_many_random_models_come_back(call: Caller, first: int) -> None:
    for number in range(first, first + 10):
        comes_back(number, call)
