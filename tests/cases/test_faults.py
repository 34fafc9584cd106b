"""Every spec of `faults/` is refused with a diagnostic, or gives what its head says.

They once ended the compiler by an exception, or gave other numbers on the CPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.session.session import Session

FOLDER = Path(__file__).parent / "faults"
REFUSED = {  # the codes of all its errors
    "claim_of_no_rows": ["E0301"],
    "recurrence_after_error": ["E0201"],
    "recurrence_named_again": ["E0313"],
    "scatter_into_no_rows": ["E0307"],
    "transpose_by_sizes": ["E0307"],
}
SHAPES = {  # of what has no numbers
    "iota_of_none": (3, 0),
    "unfold_of_none": (3, 0, 4),
    "value_is_empty": (3, 0),
    "zeros_of_none": (3, 0),
}
RNG = np.random.default_rng(0)
VECTOR, MATRIX, COLUMN = (RNG.normal(size=(3, *shape)) for shape in ((4,), (4, 5), (4, 1)))
WAYS = [
    (target, dtype, threads, without)
    for dtype in ("float32", "float64")
    for target, threads, without in (
        ("reference", 1, ()), ("cpu", 1, ()), ("cpu", 2, ()), ("cpu", 1, ("whole-step",)),
    )
]  # fmt: skip
Way = tuple[str, str, int, tuple[str, ...]]


def program(name: str, without: tuple[str, ...] = ()) -> Program:
    return compile_source((FOLDER / f"{name}.nn").read_text(), f"{name}.nn", without=without)


def run(name: str, way: Way, **inputs: Any) -> Any:
    """What the spec gives, in one way; its parameters are those that seed 1 draws."""
    target, dtype, threads, without = way
    session = Session(program(name, without), target, dtype, threads, seed=1)
    given = {key: np.asarray(value, dtype) for key, value in inputs.items()}
    found = session.run("f", **given)
    return found, {key: np.array(view, float) for key, view in session.parameters.items()}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_meaning_is_a_diagnostic(name: str) -> None:
    with pytest.raises(CompileError) as refused:
        program(name)
    assert [d.code for d in refused.value.diagnostics] == REFUSED[name]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_contractions_of_three_factors(way: Way) -> None:
    rtol = 1e-5 if way[1] == "float32" else 1e-12
    cubes, _ = run("contract_three_factors", way, x=[[1, 2, 3]])
    np.testing.assert_allclose(cubes, [[1, 8, 27]], rtol)
    slopes, _ = run("contract_three_gradient", way, x=VECTOR)
    np.testing.assert_allclose(slopes, 3 * VECTOR**2, rtol)
    sums, drawn = run("contract_three_tensors", way, x=MATRIX)
    wanted = np.einsum("nij,ij,j->ni", MATRIX, drawn["f.W"], drawn["f.V"])
    np.testing.assert_allclose(sums, wanted, rtol, rtol)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_has_no_elements(way: Way) -> None:
    for name, shape in SHAPES.items():
        inputs = {"z": VECTOR[:, :2]} if name == "unfold_of_none" else {"x": VECTOR}
        assert np.shape(run(name, way, **inputs)[0]) == shape


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_no_rest_is_lost_on_its_way(way: Way) -> None:
    """A rest by 0 is NaN, and so is its softmax, along the one channel of each place."""
    assert (COLUMN > 0).any() and (COLUMN < 0).any()
    found, _ = run("nan_is_lost", way, x=COLUMN)
    np.testing.assert_array_equal(found, np.where(COLUMN > 0, 1.0, np.nan))


def test_every_spec_is_tested() -> None:
    elsewhere = {"depth_400"}  # schedule/test_linear.py: time that grows with the depth
    numbers = {"contract_three_factors", "contract_three_gradient", "contract_three_tensors"}
    tested = {*REFUSED, *SHAPES, *numbers, *elsewhere, "nan_is_lost"}
    assert {path.stem for path in FOLDER.glob("*.nn")} == tested
