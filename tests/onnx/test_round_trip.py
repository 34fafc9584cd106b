"""Every model of every spec is exported, imported back, and is the same network.

What an import cannot say, it must refuse in one line: sequences of open lengths and draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.types import TensorType
from tests.onnx.exporting import CLOSE, SPECS, Examples, as_outputs
from tests.runtime.cli.calling import Caller

LARGE = ("large_cnn",)  # the reference takes half a minute for it
CASES = [
    pytest.param(path, marks=pytest.mark.wide if path.stem in LARGE else (), id=path.stem)
    for path in SPECS
]


@pytest.mark.parametrize("path", CASES)
def test_a_spec_comes_back(path: Path, call: Caller) -> None:
    session = gradc.Session(gradc.compile_file(path), target="reference", seed=1)
    for model, types in session.program.inputs.items():
        session.export("model.onnx", model)
        answer = call("import", "model.onnx", "-o", "back.nn")
        if is_open(types, session.program.outputs[model]) and answer.code:
            assert answer.code == 1 and answer.err.count("\n") == 1, answer
            continue
        assert answer.code == 0, answer
        back = gradc.Session(gradc.compile_file("back.nn"), target="reference")
        back.load("back.safetensors")
        (name,) = back.program.models
        examples = Examples(types, 3)
        wanted = as_outputs(session, model, examples)
        found = back.run(name, **examples.ours)
        for key, array in wanted.items():
            given = found[key] if isinstance(found, dict) else found
            assert is_near(given, array), f"{model} {key}"


def is_open(given: Mapping[str, TensorType], made: Mapping[str, TensorType]) -> bool:
    """Whether a model reads or gives a sequence, or reads nothing and so draws."""
    types = [*given.values(), *made.values()]
    return not given or any(type.time is not None for type in types)


def is_near(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether all numbers are equal, to the greatest of them."""
    return bool(np.abs(found - wanted).max() <= CLOSE * max(1.0, np.abs(wanted).max()))
