"""Losses, measures and penalties: value, derivative, native code, extreme logits."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph_tools.evaluate import evaluate
from tests.compiler.prelude.cases import LOSSES, assert_gradient, loss_module, numbers


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def bce(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return -np.sum(t * np.log(p) + (1 - t) * np.log(1 - p), axis=-1)


def huber(e: np.ndarray, delta: float) -> np.ndarray:
    e = np.abs(e)
    return np.where(e <= delta, e**2 / 2, delta * (e - delta / 2)).sum(axis=-1)


# w : [5], s : [N, 1], y : [N, 5], label : [N]; q = s * w
FORMULAS = {
    "squared_error": lambda q, y, label, w, s: ((q - y) ** 2).sum(axis=-1),
    "mean_squared_error": lambda q, y, label, w, s: ((q - y) ** 2).mean(axis=-1),
    "absolute_error": lambda q, y, label, w, s: np.abs(q - y).sum(axis=-1),
    "huber": lambda q, y, label, w, s: huber(q - y, 1.0),
    "huber 0.5": lambda q, y, label, w, s: huber(q - y, 0.5),
    "cross_entropy": lambda q, y, label, w, s: (
        -np.log((np.exp(q) / np.exp(q).sum(axis=-1, keepdims=True))[range(len(q)), label])
    ),
    "bce_logits": lambda q, y, label, w, s: bce(sigmoid(q), sigmoid(y)),
    "bce": lambda q, y, label, w, s: bce(sigmoid(q), sigmoid(y)),
    "kl_unit_normal": lambda q, y, label, w, s: (
        0.5 * np.sum(q**2 + np.exp(y * q) - y * q - 1, axis=-1)
    ),
    "norm": lambda q, y, label, w, s: np.sqrt(((q - y) ** 2).sum(axis=-1)),
    "l1": lambda q, y, label, w, s: np.abs(w).sum() * s[:, 0] ** 2,
    "l2": lambda q, y, label, w, s: (w**2).sum() * s[:, 0] ** 2,
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_its_formula(name):
    graph = loss_module(LOSSES[name]).evaluate("train")
    values = numbers(loss_module("cross_entropy(net(s) + y, label)").evaluate("train"), 7)
    w, s, y, label = values["net.w"], values["s"][:, None], values["y"], values["label"]
    found = evaluate(graph, values, 7)["loss"]
    np.testing.assert_allclose(found, FORMULAS[name](s * w, y, label, w, s), rtol=1e-10)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_agrees_with_differences(name):
    graph = loss_module(LOSSES[name]).gradients("train")
    assert_gradient(graph, numbers(graph))


def test_native_code_of_all_losses_agrees_with_the_reference(check_compiled):
    check_compiled(loss_module(" + ".join(LOSSES.values())).gradients("train"), batch=3)


@pytest.mark.wide
@pytest.mark.parametrize("name", LOSSES)
def test_native_code_agrees_with_the_reference(name, check_compiled):
    check_compiled(loss_module(LOSSES[name]).gradients("train"), batch=3)


@pytest.mark.parametrize("loss", ["cross_entropy(net(s), label)", "bce_logits(net(s), y)"])
def test_native_code_bears_extreme_logits(loss, check_compiled):
    graph = loss_module(loss).gradients("train")
    values = numbers(graph, 3, s=np.array([1.0, -1, 0]), y=np.resize([0.0, 1], (3, 5)))
    values["net.w"] = np.array([1e4, -1e4, 0, 1e4, 3])
    found = check_compiled(graph, batch=3, values=values, dtype="float32")
    assert all(np.isfinite(array).all() for array in found.values())


def gradient(expression: str, w: np.ndarray, dtype: str = "float64", **fields: np.ndarray):
    """Loss and gradient by w for one example with s = 1."""
    graph = loss_module(expression).gradients("train")
    given = {"s": np.ones(1), "net.w": w, **{k: np.asarray(v)[None] for k, v in fields.items()}}
    found = evaluate(graph, numbers(graph, 1, **given), 1, dtype)
    return float(found["loss"]), found[Tagged(Role.GRADIENT, "net.w")]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("w", [[1e4, -1e4, 0, 0, 0], [-1e4] * 5, [1e4] * 5], ids=str)
@pytest.mark.parametrize("label", [0, 1])
def test_cross_entropy_of_extreme_logits(w, label, dtype):
    loss, slope = gradient("cross_entropy(net(s), label)", np.array(w), dtype, label=label)
    z = np.array(w) - max(w)
    total = np.exp(z).sum()
    assert loss == pytest.approx(np.log(total) - z[label])
    np.testing.assert_allclose(slope, np.exp(z) / total - np.eye(5)[label], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bce_of_extreme_logits(dtype):
    w, y = np.array([1e4, -1e4, 1e4, -1e4, 0.0]), np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    loss, slope = gradient("bce_logits(net(s), y)", w, dtype, y=y)
    assert loss == pytest.approx(2e4 + np.log(2))
    np.testing.assert_allclose(slope, [0, 0, 1, -1, -0.5], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bce_of_sure_probabilities_is_clamped(dtype):
    w, y = np.array([0.0, 1.0, 0.0, 1.0, 0.5]), np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    loss, slope = gradient("bce(net(s), y)", w, dtype, y=y)
    assert loss == pytest.approx(-2 * np.log(1e-7) + np.log(2), rel=0.02)
    np.testing.assert_allclose(slope, [0, 0, 0, 0, -2], atol=1e-5)


def test_norm_of_zero_has_derivative_zero():
    loss, slope = gradient("norm(net(s))", np.zeros(5))
    assert loss == 0
    np.testing.assert_array_equal(slope, np.zeros(5))


def test_accuracy_is_1_where_the_greatest_logit_is_the_label():
    graph = loss_module("l2(net) * s + accuracy(net(s), label)").evaluate("train")
    values = numbers(graph, 4, s=np.zeros(4) + 1, **{"net.w": np.array([0.0, 3, 1, 2, -1])})
    values["label"] = np.array([1, 0, 4, 1])
    found = evaluate(graph, values, 4)["loss"] - 15
    np.testing.assert_array_equal(found, [1, 0, 0, 1])
