"""Numbers at the edges mean the same on every target, in both widths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import OPTIONAL, compile_source
from gradc_runtime.session.session import Session

TIMES_ZERO = """
model f(x : scalar) -> (a : scalar, b : scalar, c : scalar) {
    bad = log(x) / log(x)
    (0 * bad, 0 / x, sum(zeros([1]) * [bad]))
}
"""
POWER = """
model f(a : scalar, b : scalar) -> (y : scalar, by_a : scalar, by_b : scalar) {
    y = a^b
    (y, grad(y, a), grad(y, b))
}
"""
ROOT = "model f(x : scalar) -> scalar { grad(sqrt(x), x) }"
WHOLE = "model f(a : scalar, b : scalar) -> (quotient : scalar, rest : scalar) { (a // b, a % b) }"
KAHAN = """
optimizer kahan(lr = 1e-8)(p, g) {
    state lost = 0
    step = -lr * g - lost
    next = p + step
    lost' = next - p - step
    p' = next
}
model f(x : scalar) -> scalar {
    param p = 1
    p * x
}
data d(x : scalar) = line()
train on d {
    minimize f(x)
    using kahan(lr = 1e-8)
    batch 1
}
"""
TARGETS = [(t, d) for t in ("cpu", "reference") for d in ("float32", "float64")]


def run(text: str, target: str, dtype: str, **inputs: list[float]) -> Any:
    """A model's output, or its outputs by name."""
    session = Session(compile_source(text), target=target, dtype=dtype)
    return session.run("f", **{key: np.array(x, dtype) for key, x in inputs.items()})


@pytest.mark.parametrize(("target", "dtype"), TARGETS)
def test_zero_times_none_is_none(target: str, dtype: str) -> None:
    for array in run(TIMES_ZERO, target, dtype, x=[0.0]).values():
        np.testing.assert_array_equal(array, [np.nan])


@pytest.mark.parametrize(("target", "dtype"), TARGETS)
def test_powers_have_slopes_by_both(target: str, dtype: str) -> None:
    found = run(POWER, target, dtype, a=[0, 0, 0, -2, 0], b=[1, 2, 0, 2, 0.5])
    np.testing.assert_array_equal(found["y"], [0, 0, 1, 4, 0])
    np.testing.assert_array_equal(found["by_a"], [1, 0, 0, -4, np.inf])
    np.testing.assert_array_equal(found["by_b"], [0, 0, -np.inf, np.nan, 0])


@pytest.mark.parametrize(("target", "dtype"), TARGETS)
def test_the_slope_of_a_root_at_its_ends(target: str, dtype: str) -> None:
    found = run(ROOT, target, dtype, x=[0.0, np.inf, 4.0])
    np.testing.assert_array_equal(found, [np.inf, 0.0, 0.25])


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_whole_quotients_of_float32(target: str) -> None:
    found = run(WHOLE, target, "float32", a=[41, 1, 1e10, -1e-30], b=[41, 0.1, 3, 1])
    np.testing.assert_array_equal(found["quotient"], np.float32([1, 9, 3333333248, -1]))
    below = np.nextafter(np.float32(1), np.float32(0))
    np.testing.assert_array_equal(found["rest"], np.float32([0, 0.09999999, 1, below]))


@pytest.mark.parametrize("threads", [1, 2])
def test_compensated_steps_add_up(threads: int) -> None:
    session = Session(compile_source(KAHAN), dtype="float32", threads=threads)
    steps = 10_000
    session.advance({"x": np.ones(steps, np.float32)}, steps)
    assert session.parameters["f.p"] == np.float32(0.9999)


@pytest.mark.parametrize("batch", [3, 5, 49])
@pytest.mark.parametrize("without", [(), OPTIONAL], ids=["", "no passes"])
def test_what_is_alike_for_all_examples_is_its_own_mean(batch: int, without: list[str]) -> None:
    text = """
    model f(x : [2]) -> [7] {
        param w : [7] = 0
        batch_mean(w) == w
    }
    """
    for threads in (1, 2):
        session = Session(compile_source(text, without=without), "cpu", "float64", threads)
        session.parameters["f.w"][...] = np.arange(1, 8) / 7.3
        assert session.run("f", x=np.ones((batch, 2))).all()
