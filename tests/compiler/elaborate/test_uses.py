"""What a use of a layer is: states count uses in order, and one layer value is one layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph_tools.evaluate import evaluate
from tests.support.meanings import COUNTED, SCALED

X, Y = np.array([[1.0], [3.0]]), np.array([[10.0], [20.0]])
TWICE = f"""{COUNTED}
model f(x : [1], y : [1]) -> [1] {{
    c = counted()
    param w = 1
    w * (c(x) + c(y))
}}
data d(x : [1], y : [1]) = npz("none.npz")
train on d {{
    minimize sum(f(x, y))
    report early = sum(f(x, y))
    using sgd(lr = 0)
}}
"""


def numbers(uses: float) -> dict[str, Any]:
    return {"x": X, "y": Y, "f.w": 1.0, "f.c.uses": uses, "step": 0, "seed": 0}


def test_each_use_sees_what_the_one_before_left(build) -> None:
    module = build(TWICE)
    for graph, name in ((module.forward("f"), "result"), (module.evaluate("train"), "loss")):
        found = evaluate(graph, numbers(4), 2)[name]
        np.testing.assert_array_equal(np.ravel(found), (5 * X + 6 * Y)[:, 0])
    found = evaluate(module.step("train"), numbers(4), 2)
    assert found["loss"] == (5 * X + 6 * Y).mean()
    assert found[Tagged(Role.UPDATE, "f.c.uses")] == 6


def test_a_report_moves_no_state_and_sees_them_before_the_step(build) -> None:
    """Here it is told what is minimized, though the loss has used the layer already."""
    found = evaluate(build(TWICE).step("train"), numbers(4), 2)
    assert found[Tagged(Role.REPORT, "early")] == found["loss"]


def test_the_derivative_goes_through_the_uses_in_order(build) -> None:
    """uses is 4, then 4 + w, then 4 + w + w: the sum of x (4 + w) + y (4 + 2 w)."""
    text = TWICE.replace("c = counted()\n    param w = 1", "param w = 1\n    c = counted(by = w)")
    text = text.replace("w * (c(x) + c(y))", "c(x) + c(y)")
    found = evaluate(build(text).gradients("train"), numbers(4), 2)[Tagged(Role.GRADIENT, "f.w")]
    np.testing.assert_allclose(found, (X + 2 * Y).mean())


def test_a_value_that_differs_between_examples_is_averaged_before_the_next_use(build) -> None:
    text = TWICE.replace("uses + by", "uses + sum(x)")
    found = evaluate(build(text).step("train"), numbers(0), 2)
    assert found[Tagged(Role.UPDATE, "f.c.uses")] == X.mean() + Y.mean()
    first, second = X * X, Y * (X.mean() + Y)
    assert found["loss"] == (first + second).mean()


def test_a_use_along_a_sequence_is_one_use(build) -> None:
    text = (
        COUNTED
        + """
cell counts(h : [1], x : [1]) -> [1] {
    state steps : scalar = 0
    steps' = steps + 1
    h + x * steps'
}
model f(x : [3, 1]) -> [1] {
    c = counted()
    param w = 1
    s = scan(counts)
    w * (time_sum(c(rows(x))) + last(s(rows(x))) + last(s(rows(x))) + c(x[0]))
}
data d(x : [3, 1]) = npz("none.npz")
train on d {
    minimize sum(f(x))
    using sgd(lr = 0)
}
"""
    )
    module = build(text)
    (steps,) = [p.name for p in module.parameters if p.name.endswith("steps")]
    x = np.array([[[1.0], [2.0], [4.0]]])
    values = {"x": x, "f.w": 1.0, "f.c.uses": 0.0, steps: 0.0, "step": 0, "seed": 0}
    found = evaluate(module.step("train"), values, 1)
    assert found[Tagged(Role.UPDATE, "f.c.uses")] == found[Tagged(Role.UPDATE, steps)] == 2
    assert found["loss"] == 7 + 7 + 2 * 7 + 2 * 1


SHARED_NORM = """
model D(x : [2]) -> [2] { x |> batch_norm }
data d(x : [2], y : [2]) = npz("none.npz")
train on d {
    minimize sum(D(x)^2) + sum(D(y)^2)
    using sgd(lr = 0)
}
"""


def test_a_shared_batch_norm_gathers_both_batches(build, initial) -> None:
    module, rng = build(SHARED_NORM), np.random.default_rng(0)
    x, y = rng.normal(1, 2, size=(2, 7, 2))
    start = initial(module)
    found = evaluate(module.step("train"), start | {"x": x, "y": y}, 7)
    mean = 0.9 * (0.1 * x.mean(axis=0)) + 0.1 * y.mean(axis=0)
    var = 0.9 * (0.9 + 0.1 * x.var(axis=0)) + 0.1 * y.var(axis=0)
    np.testing.assert_allclose(found[Tagged(Role.UPDATE, "D.batch_norm1.running_mean")], mean)
    np.testing.assert_allclose(found[Tagged(Role.UPDATE, "D.batch_norm1.running_var")], var)


def test_in_evaluation_a_shared_batch_norm_does_not_look_at_the_others(build, initial) -> None:
    module, rng = build(SHARED_NORM), np.random.default_rng(0)
    values = initial(module) | dict(zip("xy", rng.normal(size=(2, 7, 2)), strict=True))
    together = evaluate(module.evaluate("train"), values, 7)["loss"]
    alone = evaluate(
        module.evaluate("train"), {k: v[:1] if k in "xy" else v for k, v in values.items()}, 1
    )["loss"]
    np.testing.assert_array_equal(together[:1], alone)


def test_each_maps_no_layer_that_counts_in_any_graph(diagnose) -> None:
    (found,) = diagnose(COUNTED + "model f(x : [4, 1]) -> [4, 1] { each(counted())(x) }")
    assert found.code == "E0315"


DEFINITIONS = (
    SCALED
    + """
layer twice(f : layer)(x : [n]) -> [n] { f(x) + f(2 * x) }
cell turned(h : [2], x : [2]) -> [2] {
    param w : [2] = 1
    tanh(w * h + x)
}
layer shifted(x : [n], by : [n]) -> [n] {
    param w : [n] = 1
    w * (x + by)
}
"""
)
ONE_OR_MORE = {  # body -> its parameters
    "s = scaled; s(x) + s(y)": ["f.s.w"],
    "s = scaled; t = s; t(x) + s(y)": ["f.s.w"],
    "s = scaled if true else tanh; s(x) + s(y)": ["f.s.w"],
    "s = (scaled, 3); s[0](x) + s[0](y)": ["f.scaled1.w"],
    "s, t = (scaled, scaled); s(x) + t(y) + s(y)": ["f.s.w", "f.t.w"],
    "scaled(x) + scaled(y)": ["f.scaled1.w", "f.scaled2.w"],
    "x |> scaled |> scaled": ["f.scaled1.w", "f.scaled2.w"],
    "s = scaled; x |> s |> s": ["f.s.w"],
    "s = scaled |> tanh; s(x) + s(y)": ["f.s.scaled1.w"],
    "s = scaled; block = s |> tanh |> s; block(x) + s(y)": ["f.block.s.w"],
    "s = tanh |> shifted(y); s(x) + s(y)": ["f.s.shifted1.w"],
    "x |> twice(scaled)": ["f.twice1.scaled1.w"],
    "x |> twice(scaled) |> twice(scaled)": ["f.twice1.scaled1.w", "f.twice2.scaled1.w"],
    "s = scaled; x |> twice(s) |> twice(s)": ["f.twice1.s.w"],
    "r = repeat(2, scaled); r(x) + r(y)": ["f.r.scaled1.w", "f.r.scaled2.w"],
    "s = scaled; x |> repeat(2, s |> tanh |> s)": ["f.s1.w", "f.s2.w"],
    "s = scaled; x |> repeat(2, twice(s))": ["f.twice1.s1.w", "f.twice2.s1.w"],
    "s = checkpoint(scaled); s(x) + s(y)": ["f.scaled1.w"],
    "s = each(scaled); sum(s(stack(x, y)) + s(stack(y, x)), axis = 0)": ["f.scaled1.w"],
    "c = turned; last(scan(c)(rows(stack(x, y)))) + last(scan(c)(rows(stack(y, x))))": ["f.c.w"],
    "c = unfold(3, turned); last(c(x)) + last(c(y))": ["f.c.w"],
    "s = scaled; s(x) + l2(s) * s(y)": ["f.s.w"],
}


@pytest.mark.parametrize("body", ONE_OR_MORE)
def test_a_named_layer_is_one_and_written_twice_it_is_two(build, body) -> None:
    statements = body.replace("; ", "\n    ")
    text = f"{DEFINITIONS}\nmodel f(x : [2], y : [2]) -> [2] {{\n    {statements}\n}}"
    assert [p.name for p in build(text).parameters] == ONE_OR_MORE[body]
