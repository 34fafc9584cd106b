"""Specs that once ended in an internal error, or differed between targets: refused or alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from compiler.graph.types import Kind, TensorType

SPECS = sorted((Path(__file__).parent / "faults").glob("*.nn"))
REFUSED = {"claim_of_no_rows", "recurrence_after_error", "recurrence_named_again",
           "scatter_into_no_rows", "transpose_by_sizes"}  # fmt: skip


def given(type: TensorType) -> Any:
    """Three examples of a type; of a sequence, lengths of 3, 0 and 2."""
    rng = np.random.default_rng(0)

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        if type.kind is Kind.INDEX:
            return rng.integers(0, type.classes or 2, shape)
        return rng.normal(size=shape)

    if type.time is None:
        return draw((3, *type.shape))
    return [draw((n if isinstance(type.time, str) else type.time, *type.shape)) for n in (3, 0, 2)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_it_is_refused_or_alike_on_every_target(spec: Path, dtype: str) -> None:
    if spec.stem in REFUSED:
        with pytest.raises(gradc.CompileError):
            gradc.compile_file(spec)
        return
    program = gradc.compile_file(spec)
    model = next(iter(program.models))
    inputs = {name: given(type) for name, type in program.inputs[model].items()}
    found = [
        gradc.Session(program, target, dtype, threads, seed=1).run(model, **inputs)
        for target, threads in (("reference", 1), ("cpu", 1), ("cpu", 2))
    ]
    bound = 1e-9 if dtype == "float64" else 1e-4
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=bound, atol=bound)
