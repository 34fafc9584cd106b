"""All derivatives of a tensor by a sequence, and of a sequence by a tensor."""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError


@pytest.mark.parametrize("body", ["jacobian(xs^2, xs)", "hessian(time_sum(sum(xs^3)), xs)"])
def test_pairs_of_two_sequences_are_no_sequence(body: str) -> None:
    text = f"model f(xs : seq [3]) -> seq [3] {{ {body} }}"
    with pytest.raises(CompileError, match=r"by each of seq .* is no sequence"):
        gradc.compile_source(text)


BY_TIME = """
model by_steps(xs : seq [2], w : [3]) -> seq [3, 2] {
    h = previous(w, xs)
    h' = tanh(h * w + sum(xs))
    jacobian(last(h'), xs)
}
model by_weights(xs : seq [2], w : [3]) -> seq [3, 3] {
    h = previous(w, xs)
    h' = tanh(h * w + sum(xs))
    jacobian(h', w)
}
"""


def states(xs: np.ndarray, w: np.ndarray) -> np.ndarray:
    found, h = [], w
    for x in xs:
        h = np.tanh(h * w + x.sum())
        found.append(h)
    return np.array(found)


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_of_a_tensor_by_a_sequence_and_the_other_way(target: str) -> None:
    """Backpropagation through time for each number, and forward mode, against differences."""
    session = gradc.Session(gradc.compile_source(BY_TIME), target=target, dtype="float64")
    rng, step = np.random.default_rng(0), 1e-6
    xs, w = [rng.normal(size=(n, 2)) for n in (3, 1, 5)], rng.normal(size=(3, 3))
    by_steps, by_weights = (session.run(m, xs=xs, w=w) for m in ("by_steps", "by_weights"))
    for k, x in enumerate(xs):
        for j in range(3):
            e = step * np.eye(3)[j]
            wanted = (states(x, w[k] + e) - states(x, w[k] - e)) / (2 * step)
            np.testing.assert_allclose(by_weights[k][..., j], wanted, rtol=1e-6, atol=1e-8)
        for t in range(len(x)):
            e = np.zeros_like(x)
            e[t, 1] = step
            wanted = (states(x + e, w[k])[-1] - states(x - e, w[k])[-1]) / (2 * step)
            np.testing.assert_allclose(by_steps[k][t][:, 1], wanted, rtol=1e-6, atol=1e-8)
