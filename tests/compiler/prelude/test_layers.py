"""Every layer of the prelude: its value, its derivative, its native code."""

from __future__ import annotations

from math import erf

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph_tools.evaluate import evaluate
from tests.compiler.prelude.cases import (
    ACTIVATIONS,
    COMPILED,
    LAYERS,
    SMOOTH,
    assert_gradient,
    layer_module,
    loss_module,
    numbers,
)

X = np.array([-3.0, -0.7, -0.1, 0.0, 0.2, 1.1, 4.0])
FORMULAS = {
    "sigmoid": 1 / (1 + np.exp(-X)),
    "tanh": np.tanh(X),
    "relu": np.where(X > 0, X, 0),
    "softplus": np.log(1 + np.exp(X)),
    "swish": X / (1 + np.exp(-X)),
    "gelu": X * np.array([1 + erf(x / 2**0.5) for x in X]) / 2,
    "elu": np.where(X > 0, X, 1.5 * (np.exp(X) - 1)),
    "softsign": X / (1 + np.abs(X)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradient_agrees_with_differences(name):
    graph = layer_module(name).gradients("train")
    assert_gradient(graph, numbers(graph))


@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivative_agrees_with_differences(name):
    graph = layer_module(name, loss="grad(sum(sin(2 * y)), s)^2").gradients("train")
    assert_gradient(graph, numbers(graph))


@pytest.mark.parametrize("name", COMPILED)
def test_native_code_agrees_with_the_reference(name, check_compiled):
    check_compiled(layer_module(name).gradients("train"), batch=3)


def test_native_code_of_all_activations_agrees_with_the_reference(check_compiled):
    terms = " + ".join(f"sin({LAYERS[name][1]}(net(s)))" for name in ACTIVATIONS)
    check_compiled(loss_module(f"sum({terms})").gradients("train"), batch=3)


@pytest.mark.wide
@pytest.mark.parametrize("name", LAYERS)
def test_native_code_in_single_precision_on_two_threads(name, check_compiled):
    check_compiled(layer_module(name).gradients("train"), batch=70, dtype="float32", threads=2)


@pytest.mark.parametrize("name", FORMULAS)
def test_activation_is_its_formula(name):
    np.testing.assert_allclose(forward(name, X), FORMULAS[name], rtol=1e-12, atol=1e-15)


def forward(name: str, x: np.ndarray, **given: np.ndarray) -> np.ndarray:
    """A layer's result in inference, for one example."""
    graph = layer_module(name).forward("f")
    values = numbers(graph, 1, s=np.ones(1), **{"f.x": x}, **given)
    return evaluate(graph, values, 1)["result"][0]


@pytest.mark.parametrize("name", ["softplus", "sigmoid", "swish", "gelu", "tanh", "softsign"])
def test_smooth_activations_have_their_slope_at_0(name):
    graph = layer_module(name, loss="sum(y)").gradients("train")
    slope = evaluate(graph, numbers(graph, 1, s=np.ones(1), **{"f.x": np.zeros(7)}), 1)
    np.testing.assert_allclose(
        slope[Tagged(Role.GRADIENT, "f.x")],
        {"sigmoid": 0.25, "tanh": 1.0, "softsign": 1.0}.get(name, 0.5),
    )


def test_softplus_keeps_small_numbers():
    np.testing.assert_allclose(forward("softplus", np.full(7, -50.0)), np.exp(-50.0), rtol=1e-12)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "softplus", "sigmoid"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_extreme_logits_stay_finite(name, dtype):
    module = layer_module(name)
    graph = module.gradients("train")
    shape = numbers(graph, 1)["f.x"].shape
    for pattern in ([1e4, -1e4], [1e4], [-1e4], [0.0, 1e4, -1e4]):
        x = np.resize(pattern, shape)
        found = evaluate(graph, numbers(graph, 1, s=np.ones(1), **{"f.x": x}), 1, dtype)
        assert np.isfinite(found["loss"]) and np.isfinite(found[Tagged(Role.GRADIENT, "f.x")]).all()


def test_softmax_family_is_consistent():
    x = np.random.default_rng(0).normal(size=(3, 5))
    p = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(forward("log_softmax", x), np.log(p), rtol=1e-12)
    np.testing.assert_allclose(forward("logsumexp", x), np.log(np.exp(x).sum(axis=-1)), rtol=1e-12)
    np.testing.assert_allclose(
        forward("softmax", np.tile(x, (2, 1, 1))), np.tile(p, (2, 1, 1)), rtol=1e-12
    )


def test_layer_norm_gives_mean_0_and_variance_1():
    x = np.random.default_rng(0).normal(3, 5, size=(3, 5))
    given = {"f.layer_norm1.gamma": np.ones(5), "f.layer_norm1.beta": np.zeros(5)}
    y = forward("layer_norm", x, **given)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=-1), 1, rtol=1e-5)


def test_causal_attention_does_not_see_what_comes_later():
    x = np.random.default_rng(0).normal(size=(4, 6))
    later = x + np.array([0, 0, 1, 1])[:, None]
    before, after = (forward("multi_head_attention causal", v) for v in (x, later))
    np.testing.assert_array_equal(before[:2], after[:2])
    assert not np.allclose(before[2:], after[2:])
