"""What is given is checked once; what is handed on is taken as it is, from every side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data.arrays.checked import check_inputs
from gradc_runtime.system.errors import DataError
from tests.runtime import linear

ROOT = Path(__file__).resolve().parents[3]
TYPES = {
    "x": TensorType((2,)),
    "k": TensorType((), Kind.INDEX, 3),
    "xs": TensorType((), time="n"),
    "ys": TensorType((2,), time="n"),
}
ONES = np.ones((3, 2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_comes_out_is_what_kernels_read(dtype: str) -> None:
    given = {"x": ONES.T.copy().T, "k": [0, 2, 1], "xs": [[1.0], [], [2.0, 3.0]]}
    found = check_inputs(given, TYPES, dtype)
    assert found["x"].dtype == dtype and found["x"].flags.c_contiguous
    assert found["k"].dtype == np.dtype(f"i{np.dtype(dtype).itemsize}")
    assert isinstance(found["xs"], Ragged) and found["xs"].values.dtype == dtype
    assert found["length/n"].tolist() == [1, 0, 2] and found["length/n"].dtype == np.int64


@pytest.mark.parametrize(
    ("given", "origin", "message"),
    [
        ({"x": ONES, "k": [0, 1]}, None,
         "inputs need the same number of examples, at least one: x has 3, k has 2"),
        ({"x": ONES[:0]}, None, "inputs need the same number of examples, at least one: x has 0"),
        ({"x": ONES, "k": [0, 1]}, "d.csv",
         "d.csv: fields differ in their number of examples: x has 3, k has 2"),
        ({"x": ONES[:0]}, "d.csv", "d.csv: there are no examples"),
        ({"x": ONES * np.nan}, "d.csv", "d.csv: x: nan of sample 0, element [0] is not a finite"),
        ({"k": [0, 3]}, None, "k: 3 of sample 1 is outside class(3), which allows 0 to 2"),
        ({"x": ONES.T}, None, "x: declared [2], so [N, 2] is expected; got [2, 3]"),
        ({"xs": [[1.0]], "ys": [ONES]}, None,
         "ys: sample 0 has 3 elements, but that of xs 1, and both are seq(n)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(given: dict[str, Any], origin: str | None, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        check_inputs(given, TYPES, "float32", origin=origin)


def test_a_network_may_be_given_what_is_not_finite() -> None:
    assert np.isnan(check_inputs({"x": ONES * np.nan}, TYPES, "float32")["x"]).all()


def test_nothing_is_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set is checked when it is made; its batches go to the kernels as they are."""
    session = linear.session()
    data = session.dataset({"x": np.ones((6, 2)), "y": np.ones(6)})

    def refuse(*given: object, **named: object) -> None:
        raise AssertionError("this has been checked already")

    monkeypatch.setattr("gradc_runtime.data.arrays.checked.conform", refuse)
    batches = data.take(slice(4))
    step = session.training.steps[0]
    session.advance(batches, 2)
    session.gradients_on(step, batches)
    session.once(step.evaluate, batches)
    with pytest.raises(AssertionError, match="already"):
        session.step(x=np.ones((4, 2)), y=np.ones(4))


def test_one_module_checks() -> None:
    files = (ROOT / "runtime").rglob("*.py")
    found = [p.name for p in files if "conform(" in p.read_text("utf-8")]
    assert sorted(found) == ["checked.py", "validate.py"]
