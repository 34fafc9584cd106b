"""`grad(e, x)`: by what all examples share and by what is each one's own; within a recurrence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph_tools.evaluate import evaluate

PROBLEM = """
model f(x : [2]) -> scalar {{
    param w : [2] = 0
    sum(w * x)
}}
data d(x : [2], y : scalar) = npz("none.npz")
train on d {{
    l = (f(x) - y)^2
    w = f.w
    minimize {0}
    using sgd(lr = 1)
    report a = {0}
}}
"""
RNG = np.random.default_rng(0)
N = 5
GIVEN = {"x": RNG.normal(size=(N, 2)), "y": RNG.normal(size=N), "f.w": RNG.normal(size=2)}
MISS = GIVEN["x"] @ GIVEN["f.w"] - GIVEN["y"]
EACH = 2 * MISS[:, None] * GIVEN["x"]  # by w, of every example's own loss
WHOLE = EACH.mean(axis=0)
CURVES = 2 * GIVEN["x"][:, :, None] * GIVEN["x"][:, None, :]
CURVE = CURVES.mean(axis=0)
BY_X = 2 * MISS[:, None] * GIVEN["f.w"]
CASES: dict[str, tuple[Any, Any]] = {  # value: of the batch (), or of each example; slope by w
    "sum(grad(batch_mean(l), w)^2)": (WHOLE @ WHOLE, 2 * CURVE @ WHOLE),
    "sum(batch_mean(grad(l, w))^2)": (WHOLE @ WHOLE, 2 * CURVE @ WHOLE),
    "sum(grad(l, w)^2)": (
        (EACH**2).sum(axis=1), 2 * np.einsum("nij,nj->i", CURVES, EACH) / N,
    ),
    "sum(grad(batch_mean(l)^2, w))": (
        2 * (MISS**2).mean() * WHOLE.sum(),
        2 * WHOLE * WHOLE.sum() + 2 * (MISS**2).mean() * CURVE.sum(axis=0),
    ),
    "sum(w * grad(grad(batch_mean(l), w)[0], w))": (CURVE[0] @ GIVEN["f.w"], CURVE[0]),
    "grad(batch_mean(l^2), w)[0]": (
        (4 * MISS**3 * GIVEN["x"][:, 0]).mean(),
        (12 * MISS**2 * GIVEN["x"][:, 0]) @ GIVEN["x"] / N,
    ),
    "sum(grad(batch_mean(l), x)^2)": (
        (BY_X**2).sum(axis=1),
        ((16 * MISS * (GIVEN["f.w"] @ GIVEN["f.w"]))[:, None] * GIVEN["x"] / 2
         + 8 * (MISS**2)[:, None] * GIVEN["f.w"]).mean(axis=0),
    ),
    "sum(grad(sum(w^2), w)^2)": (4 * GIVEN["f.w"] @ GIVEN["f.w"], 8 * GIVEN["f.w"]),
}  # fmt: skip


@pytest.mark.parametrize("expression", CASES)
def test_the_batch_has_one_derivative_and_every_example_its_own(build, expression) -> None:
    module, (value, slope) = build(PROBLEM.format(expression)), CASES[expression]
    values = GIVEN | {"step": 0, "seed": 0}
    found = evaluate(module.evaluate("train"), values, N)[Tagged(Role.REPORT, "a")]
    assert found.shape == np.shape(value), "one number, or one for every example"
    np.testing.assert_allclose(found, value)
    found = evaluate(module.gradients("train"), values, N)
    np.testing.assert_allclose(found[Tagged(Role.GRADIENT, "f.w")], slope)


def test_a_sampler_differentiates_within_its_cell(build) -> None:
    module = build("""
        model energy(x : [2]) -> scalar { sum(tanh(x)^2) }
        cell langevin(x : [2], none) -> [2] { x - 0.05 * grad(energy(x), x) }
        model go(z : [2]) -> [2] { 0 |> unfold(20, langevin, start = z) |> last }
    """)
    h = z = np.array([[1.0, 0.5], [-2.0, 3.0]])
    for _ in range(20):
        h = h - 0.05 * 2 * np.tanh(h) * (1 - np.tanh(h) ** 2)
    np.testing.assert_allclose(evaluate(module.forward("go"), {"z": z}, 2)["result"], h)


LEARNT = """
cell inner(w : [2], given : (u : [2], t : scalar)) -> [2] {
    w - 0.1 * grad((tanh(sum(w * given.u)) - given.t)^2, w)
}
model f(u : [2], t : scalar) -> [2] {
    param w0 : [2] = 0
    (u, t) |> unfold(5, inner, start = w0) |> last
}
data d(u : [2], t : scalar) = npz("none.npz")
train on d {
    minimize (tanh(sum(f(u, t) * [0.3, -0.7])) - t)^2
    using sgd(lr = 1)
}
"""


def test_learning_to_learn_differentiates_through_five_inner_steps(build) -> None:
    """Model-agnostic meta-learning: Finn, Abbeel & Levine, 2017."""

    def outer(w: np.ndarray) -> float:
        losses = []
        for u, t in zip(GIVEN["x"], GIVEN["y"], strict=True):
            inner = w
            for _ in range(5):
                said = np.tanh(inner @ u)
                inner = inner - 0.1 * 2 * (said - t) * (1 - said**2) * u
            losses.append((np.tanh(inner @ [0.3, -0.7]) - t) ** 2)
        return float(np.mean(losses))

    w = GIVEN["f.w"]
    values = {"u": GIVEN["x"], "t": GIVEN["y"], "f.w0": w, "step": 0, "seed": 0}
    found = evaluate(build(LEARNT).gradients("train"), values, N)
    assert found["loss"] == pytest.approx(outer(w))
    steps = 1e-6 * np.eye(2)
    slope = [(outer(w + h) - outer(w - h)) / 2e-6 for h in steps]
    np.testing.assert_allclose(found[Tagged(Role.GRADIENT, "f.w0")], slope, rtol=1e-6)


def test_a_recurrence_is_differentiated_once_it_is_closed(diagnose) -> None:
    """Before that nobody knows what its elements depend on."""
    (found,) = diagnose("""
        model f(xs : seq [2]) -> scalar {
            h = previous(zeros([2]), xs)
            slope = grad(sum(last(h)), xs)
            h' = h + xs
            time_sum(sum(slope)) + sum(last(h'))
        }
    """)
    assert found.code == "E0502"
    assert "not closed" in found.message


def test_what_does_not_depend_on_a_sequence_has_a_derivative_for_each_element(build) -> None:
    module = build("model f(xs : seq(4) [2]) -> scalar { time_sum(sum(1 + grad(3, xs))) }")
    values = {"xs": Ragged(np.ones((4, 2)), np.array([4]))}
    assert evaluate(module.forward("f"), values, 1)["result"] == 8
