"""No where trap: the branch that was not taken sends nothing into a gradient, and costs nothing."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.pipeline import Compilation, compilation, compile_source
from gradc_runtime.session.session import Session

X = np.array([[0.0, 0, 0], [1, 2, 0.5], [-1, 0, -2], [0, -1, 1]])
FINITE = {
    "sqrt": "sum(where(x > 0, sqrt(x * w), 0))",
    "log": "sum(where(x > 0, log(x * w), 0))",
    "a weight of a logarithm": "sum(where(x > 0, log(x) * w, 0))",
    "a quotient": "sum(where(x > 0, w / x, w))",
    "a divisor": "sum(where(x == 0, w, w / (x * w^2)))",
    "a power": "sum(where(x > 0, (x * w)^1.5, 0))",
    "a negative power": "sum(where(x > 0, (x * w)^(-3), 0))",
    "an exponential": "sum(where(x < 1, exp(x * w), exp(1e3 * minimum(x, 0) * w)))",
    "a maximum": "sum(sqrt(maximum(x * w, 0)))",
    "a minimum": "sum(log(-minimum(x * w, -0.1)))",
    "a logarithm that loses": "sum(maximum(log(abs(x * w)), 0 * w - 2))",
    "a mask that is a factor": "sum((x > 0) * sqrt(relu(x) * w))",
    "a mask with a sign": "sum(-(x > 0) * sqrt(relu(x) * w))",
    "a mask with a weight": "sum(0.5 * (x > 0) * w[0] / 2 * sqrt(relu(x) * w))",
    "what a mask leaves": "sum((1 - (x <= 0)) * sqrt(relu(x) * w))",
    "two masks": "sum(((x > 0) * (x < 1)) * sqrt(relu(x) * w) + (x < 1) * w)",
    "a mask below a root": "sum(((x > 0) * x * w)^0.7)",
    "a mask below a quotient": "sum(1 / (1 / (relu(x) * w * (x > 0))))",
    "a mask in a contraction": "contract(: (x > 0)[i] * sqrt(relu(x) * w)[i])",
    "a mask times a vector": "(1 - (x <= 0)) @ sqrt(relu(x) * w)",
    "one mask or another": "sum(maximum(x > 0, x > 7) * sqrt(relu(x) * w))",
    "a sum of masks": "sum(((x > 0) + (x > 0.7)) * sqrt(relu(x) * w))",
    "a mask of numbers": "sum(where(x > 0, 2, 0) * sqrt(relu(x) * w))",
    "what jumps": "sum(floor(relu(x)) * sqrt(relu(x) * w))",
    "less than float32 holds": "sum(where(x > 0, w / (x * x + 1e-60), w * (x * x + 1e-60)^0.3))",
    "the greatest": "max(where(x > 0, log(x * w), w * [-7, -8, -9]))",
    "norm": "where(sum(x) > 0, sqrt(sum((x * w)^2)), 0)",
    "a sum of all": "where(sum(x) > 0, sum(log(where(sum(x) > 0, x, 0) * w)), sum(w))",
    "a product of matrices": "where(x[1] > 0, sum(V @ log(x * w)), sum(w))",
    "a row": "where(x[2] > 0, log(x * w)[2], sum(w))",
    "joined": "sum(where(concat(x, x) > 0, concat(log(x * w), sqrt(x * w)), 0))",
    "a broadcast": "sum(where([[1], [0]] * (x > 0), broadcast(log(x * w), [2, 3]), 0))",
    "a finite function of it": "sum(where(x > 0, tanh(w + log(x)), w))",
    "nested": "sum(where(x > 0, where(x > 0.5, log(x * w - 0.5), 0), sqrt(1 - x * w)))",
    "a mean of the batch": "sum(where(batch_mean(x) > 9, batch_mean(log(x * w)), w))",
    "a mean of what is cut": "sum(where(x > 5, w * batch_mean(sqrt(x * w)), x * w))",
    "a root of a mean": "sum(where(x > 0, w * sqrt(batch_mean(relu(x * w - 9))), w))",
    "a mean that some read": "sum(where(x > 1, w * batch_mean(log(relu(x) * w + 1)), w))",
    "a factor that is chosen": "sum(where(x > 1, w, 0) * sqrt(relu(x * w - 1.3)))",
    "a factor of a derivative": "sum(where(x > 1, sqrt(relu(x * w - 1.3)) * w, 0))",
    "shared by all examples": "sum(where(x > 0, x * log(w - 1.2), w))",
}


def program(expression: str, penalty: bool = False) -> Compilation:
    loss = "f(x) + sum(grad(f(x), f.w)^2)" if penalty else "f(x)"
    text = f"""
model f(x : [3]) -> scalar {{
    param w : [3] = 1.3
    {"param V : [3, 3] ~ uniform(0.2, 1)" if "V" in expression else ""}
    {expression}
}}
data points(x : [3]) = npz("none.npz")
train on points {{ minimize {loss} using sgd(lr = 0.1) }}
"""
    return compilation(Source("spec.nn", text), ".", {}, ())


def sessions(made: Compilation) -> list[Session]:
    ways = [("reference", "float64", 1), ("cpu", "float64", 2), ("cpu", "float32", 1)]
    return [Session(made.program, *way, 3) for way in ways]


def slope(session: Session, name: str, h: float = 1e-6) -> np.ndarray:
    """Central differences of the loss by every number of a parameter."""
    view = session.parameters[name]
    found = np.zeros(view.shape)
    for place in np.ndindex(view.shape):
        kept, losses = view[place], []
        for step in (h, -h):
            view[place] = kept + step
            losses.append(session.gradients(x=X)[0])
        view[place] = kept
        found[place] = (losses[0] - losses[1]) / (2 * h)
    return found


@pytest.mark.parametrize("penalty", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("name", FINITE)
def test_what_is_not_taken_sends_nothing(name: str, penalty: bool) -> None:
    made = program(FINITE[name], penalty)
    reference, *others = sessions(made)
    others = [others[penalty]]  # in one width each
    loss, wanted = reference.gradients(x=X)
    assert np.isfinite(loss)
    for key, gradient in wanted.items():
        bound = 1e-5 * (1 + np.abs(gradient).max())
        np.testing.assert_allclose(gradient, slope(reference, key), atol=bound)
    for session in others:
        found = session.gradients(x=X)[1]
        for key, gradient in wanted.items():
            rtol = 1e-9 if session.dtype == "float64" else 2e-4
            np.testing.assert_allclose(found[key], gradient, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(
    "expression",
    ["sum(where(x < 1e9, log(x * w), 0))", "sum(sqrt(x * w))", "sum(where(x > 0, 1, sqrt(x) / w))"],
)
def test_what_is_really_computed_still_shows(expression: str) -> None:
    for session in sessions(program(expression)):
        loss, gradients = session.gradients(x=X)
        assert not np.isfinite(loss) and not np.isfinite(gradients["f.w"]).all()


def test_a_step_of_a_sequence_that_is_not_taken_sends_nothing() -> None:
    text = """
model f(xs : seq scalar) -> scalar {
    param w = 1.3
    time_sum(where(xs > 0, log(xs * w), 0) * reverse(xs))
}
data points(xs : seq scalar) = npz("none.npz")
train on points { minimize f(xs) using sgd(lr = 0.1) }
"""
    xs = [np.array([1.0, 0, -1, 2]), np.array([0.0]), np.zeros(0)]
    for target in ("reference", "cpu"):
        session = Session(compile_source(text), target, "float64", 2)
        found = session.gradients(xs=xs)[1]["f.w"]
        np.testing.assert_allclose(found, (2 + 1) / 1.3 / 3, rtol=1e-12)


def test_a_branch_within_a_recurrence_that_is_not_taken_sends_nothing() -> None:
    text = """
model f(xs : seq scalar) -> scalar {
    param w = 1.3
    h = previous(1, xs)
    h' = where(xs > 0, h * w + log(xs * h), h)
    last(h')
}
data points(xs : seq scalar) = npz("none.npz")
train on points { minimize f(xs) using sgd(lr = 0.1) }
"""
    xs = [np.array([1.0, 0, 2, -1, 0.5]), np.array([0.0])]
    reference, native = (
        Session(compile_source(text), target, "float64", 2) for target in ("reference", "cpu")
    )
    wanted, losses = reference.gradients(xs=xs)[1]["f.w"], []
    assert native.gradients(xs=xs)[1]["f.w"] == pytest.approx(wanted, rel=1e-12)
    for h in (1e-6, -1e-6):
        reference.parameters["f.w"][...] = 1.3 + h
        losses.append(reference.gradients(xs=xs)[0])
    assert wanted == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("name", ["log", "a product of matrices", "the greatest"])
def test_the_derived_program_has_the_same_gradient(name: str) -> None:
    made = program(FINITE[name])
    text = print_program(made)
    assert "where(" in text and "vjp of" in text
    wanted, again = sessions(made)[1], Session(compile_source(text), "cpu", "float64", 1, 3)
    loss, found = again.gradients(x=X)
    exact, gradients = wanted.gradients(x=X)
    assert loss == pytest.approx(exact)
    for key in found:
        np.testing.assert_allclose(found[key], gradients[key], rtol=1e-12)


@pytest.mark.parametrize(
    "expression",
    [
        "sum(relu(V @ relu(V @ (x * w))))",
        "sum(relu((x - mean(x)) / sqrt(mean((x - mean(x))^2) + 1e-5) * w))",
        "sum(relu(V @ (softmax(x * w) * x)))",
        "sum(where(x > 0, sqrt(where(x > 0, x, 1)), 0) * w)",
        "sum(where(x > 0, tanh(x * w), w * x^3))",
        "log(1 + sum(relu(x * w)))",
    ],
)
def test_where_nothing_can_be_infinite_nothing_is_selected(
    expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = len(program(expression).graphs["gradients/train"].nodes)
    monkeypatch.setattr(
        "gradc_compiler.transform.differentiate.selected", lambda cut, bounds, y, k, xs, g: g
    )
    monkeypatch.setattr(
        "gradc_compiler.transform.differentiate.safe", lambda cut, bounds, y, xs: xs
    )
    assert found == len(program(expression).graphs["gradients/train"].nodes)
