"""Every spec in the CUDA simulator equals the reference: forward, gradients, three steps.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler import schedule
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.program import Program
from gradc_runtime.session.session import Session
from tests.compiler.rewrites.test_copied_rows import assert_rows

SPECS = sorted(Path("specs").glob("*.nn"))
BOUND = {"float64": 1e-10, "float32": 1e-5}
AFTER = {"float64": 1e-9, "float32": 2e-3}  # Adam divides small gradients by their size


def batch(program: Program, name: str, examples: int, seed: int) -> dict[str, Any]:
    """Numbers for the inputs of an entry; sequences of 0 to 4 elements."""
    rng, entry = np.random.default_rng(seed), program.entries[name]
    lengths = {
        time: np.full(examples, time) if isinstance(time, int) else rng.integers(0, 5, examples)
        for time in entry.times
    }
    found: dict[str, Any] = {}
    for array in entry.arrays:
        if array.role != "input":
            continue
        type, count = array.type, examples
        if type.time is not None:
            count = int(lengths[type.time].sum())
        if type.kind is Kind.REAL:
            numbers = rng.uniform(0.1, 1.0, (count, *type.shape))
        else:
            numbers = rng.integers(0, type.classes or 2, (count, *type.shape))
        found[array.name] = numbers if type.time is None else Ragged(numbers, lengths[type.time])
    return found


def flattened(answer: Any) -> dict[str, Any]:
    """Results by name, sequences as one array."""
    found = answer if isinstance(answer, dict) else {"output": answer}
    return {
        name: np.concatenate(value) if isinstance(value, list) else value
        for name, value in found.items()
    }


@pytest.mark.parametrize("spec", ["circle", "gan"])
def test_words_that_take_turns(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if UNIFORM were large in these."""
    monkeypatch.setattr(schedule, "MACHINE", replace(MACHINE, shared_uniform=1))
    test_spec_equals_the_reference(Path(f"specs/{spec}.nn"), "float64", 3)


def test_rows_that_are_copied() -> None:
    assert_rows("cuda")


@pytest.mark.parametrize("examples", [1, 3], ids=["one", "three"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_spec_equals_the_reference(spec: Path, dtype: str, examples: int) -> None:
    program = compile_file(spec)
    cuda, reference = (Session(program, target, dtype, seed=1) for target in ("cuda", "reference"))
    close = {"rtol": BOUND[dtype], "atol": BOUND[dtype]}
    for model, entry in program.models.items():
        inputs = batch(program, entry, examples, 0)
        found, wanted = (flattened(s.run(model, **inputs)) for s in (cuda, reference))
        for name in wanted:
            np.testing.assert_allclose(found[name], wanted[name], **close, err_msg=name)
    steps = program.training.steps if program.training else ()
    for step in steps:
        inputs = batch(program, step.gradients, examples, 1)
        loss, slopes = cuda.gradients(step.name, **inputs)
        known, right = reference.gradients(step.name, **inputs)
        np.testing.assert_allclose(loss, known, **close)
        for name in right:
            np.testing.assert_allclose(slopes[name], right[name], **close, err_msg=f"d{name}")
    for seed in range(3 if steps else 0):
        inputs = batch(program, steps[0].entry, examples, 2 + seed)
        found, wanted = cuda.step(**inputs), reference.step(**inputs)
        for name in wanted:
            np.testing.assert_allclose(found[name], wanted[name], **close, err_msg=name)
    close = {"rtol": AFTER[dtype], "atol": AFTER[dtype]}
    for name, value in reference.memory.views.items():
        np.testing.assert_allclose(cuda.memory.views[name], value, **close, err_msg=name)
