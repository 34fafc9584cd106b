"""All derivatives of a tensor by a sequence, of a sequence by a tensor, and of one element."""

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


ELEMENTS = """
layer slopes(x : [2]) -> [5, 2] { param W : [5, 2] ~ normal(0, 1); jacobian(tanh(W @ x), x) }
layer across(x : [3]) -> [2, 3] { param W : [2, 3] ~ normal(0, 1); jacobian(tanh(W @ x), x) }
cell step(s : (h : [3], sum : scalar), x : [3]) -> (h : [3], sum : scalar) {
    next = tanh(x * s.h + roll(s.h))
    J = jacobian(next, s.h)
    H = hessian(sum(s.h^3 * x), s.h)
    (next, s.sum + sum(J * [1, 2, 3]) + H[1, 1])
}
function roll(h : [3]) -> [3] { concat(h[1:3], h[0:1]) }
model wide(xs : seq [2]) -> seq [5, 2] { xs |> slopes }
model long(xs : seq [3]) -> seq [2, 3] { xs |> across }
model along(xs : seq [3]) -> seq scalar {
    states = xs |> scan(step, start = (full([3], 0.5), 0), all = true)
    states.sum
}
model moved(xs : seq [3]) -> seq [3] { grad(time_sum(along(xs)), xs) }
"""


def along(xs: np.ndarray) -> np.ndarray:
    h, total, found = np.full(3, 0.5), 0.0, []
    for x in xs:
        after = np.tanh(x * h + np.roll(h, -1))
        jacobian = (1 - after**2)[:, None] * (np.diag(x) + np.roll(np.eye(3), -1, axis=0))
        total += (jacobian * np.array([1, 2, 3])).sum() + 6 * h[1] * x[1]
        h = after
        found.append(total)
    return np.array(found)


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_of_the_one_element_that_a_body_sees(target: str) -> None:
    """In a layer, forward and in reverse; of a cell's state, and differentiated once more."""
    session = gradc.Session(gradc.compile_source(ELEMENTS), target=target, dtype="float64")
    rng, step = np.random.default_rng(0), 1e-6
    for model, layer, size in (("wide", "slopes1", 2), ("long", "across1", 3)):
        weights = session.parameters[f"{model}.{layer}.W"]
        xs = [rng.normal(size=(n, size)) for n in (3, 1, 5)]
        for found, x in zip(session.run(model, xs=xs), xs, strict=True):
            wanted = (1 - np.tanh(x @ weights.T) ** 2)[..., None] * weights
            np.testing.assert_allclose(found, wanted, rtol=1e-12)
    xs = [rng.normal(size=(n, 3)) for n in (3, 1, 5)]
    for found, x in zip(session.run("along", xs=xs), xs, strict=True):
        np.testing.assert_allclose(found, along(x), rtol=1e-12)
    for found, x in zip(session.run("moved", xs=xs), xs, strict=True):
        e = np.zeros_like(x)
        e[0, 1] = step
        wanted = (along(x + e).sum() - along(x - e).sum()) / (2 * step)
        np.testing.assert_allclose(found[0, 1], wanted, rtol=1e-6)


@pytest.mark.parametrize("body", ["jacobian(a * b, a)", "grad(sum(a * b), a)"])
def test_other_elements_are_none_that_a_body_sees(body: str) -> None:
    """Before, `grad` added up what two elements send one another."""
    text = f"""
        layer f(a : [2], b : [2]) {{ {body} }}
        model g(xs : seq [2]) {{ f(xs, reverse(xs)) }}
    """
    with pytest.raises(CompileError, match="depends on other elements"):
        gradc.compile_source(text)
