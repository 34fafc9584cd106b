"""Derivations end where published closed forms end: softmax with cross-entropy, layer norm, one
step of an LSTM, attention.
"""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph_tools.evaluate import node_values
from gradc_compiler.pipeline import compilation
from gradc_compiler.study.derivation import derive_steps
from gradc_compiler.study.loss_as_written import loss_as_written

DRAW = np.random.default_rng(3)


def derivative(text: str, wrt: str, values: dict[str, np.ndarray]) -> np.ndarray:
    """d_wrt of the model `f`, by the last step of its derivation."""
    graph = compilation(Source("f.nn", text), ".", None).module.forward("f")
    written = loss_as_written(graph, graph.outputs["result"], "f", {})
    id = written.named(wrt)
    assert id is not None
    made = derive_steps(written.graph, written.target, written.names, [id], mean=False)
    numbers = dict(node_values(made.graph, values, 1, "float64"))
    return np.asarray(numbers[made.wrt[wrt]])[0]


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_softmax_with_cross_entropy_is_p_minus_y() -> None:
    x = DRAW.normal(size=(1, 5))
    text = "model f(x : [5], y : class(5)) -> scalar { cross_entropy(x, y) }"
    found = derivative(text, "x", {"x": x, "y": np.array([2])})
    np.testing.assert_allclose(found, softmax(x[0]) - np.eye(5)[2], rtol=1e-12)


def test_layer_norm() -> None:
    """Ba, Kiros & Hinton, 2016: (w - mean(w) - n mean(w n)) / sigma, for n the normalised x."""
    x, w = DRAW.normal(size=(1, 6)), DRAW.normal(size=(1, 6))
    text = "model f(x : [6], w : [6]) -> scalar { sum(layer_norm(x) * w) }"
    values = {"x": x, "w": w, "f.layer_norm1.gamma": np.ones(6), "f.layer_norm1.beta": np.zeros(6)}
    sigma = np.sqrt(x[0].var() + 1e-5)
    n = (x[0] - x[0].mean()) / sigma
    right = (w[0] - w[0].mean() - n * (w[0] * n).mean()) / sigma
    np.testing.assert_allclose(derivative(text, "x", values), right, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("wrt", ["q", "k", "v"])
def test_attention(wrt: str) -> None:
    """Vaswani et al., 2017: dV = P^T G, dS = P * (dP - sum(dP * P)), dQ = dS K, dK = dS^T Q."""
    q, k, v, g = (DRAW.normal(size=(1, 4, 3)) for _ in range(4))
    text = (
        "model f(q : [4, 3], k : [4, 3], v : [4, 3], g : [4, 3]) -> scalar {\n"
        "    s = contract(i < 4, j < 4 : q[i, d] * k[j, d])\n"
        "    e = exp(s)\n"
        "    total = contract(i < 4, 0 < 1 : e[i, j])\n"
        "    sum((e / total) @ v * g)\n}"
    )
    p = softmax(q[0] @ k[0].T)
    dp = g[0] @ v[0].T
    ds = p * (dp - (dp * p).sum(-1, keepdims=True))
    right = {"q": ds @ k[0], "k": ds.T @ q[0], "v": p.T @ g[0]}[wrt]
    found = derivative(text, wrt, {"q": q, "k": k, "v": v, "g": g})
    np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-12)


def test_a_step_of_an_lstm() -> None:
    """Hochreiter & Schmidhuber, 1997, as in Graves, 2012: dc = dh o (1 - tanh(c)^2), dc f, ..."""
    names = ("i", "f", "g", "o")
    x = {name: DRAW.normal(size=(1, 3)) for name in (*names, "c")}
    text = (
        "model f(i : [3], r : [3], g : [3], o : [3], c : [3]) -> scalar {\n"
        "    next = sigmoid(r) * c + sigmoid(i) * tanh(g)\n"
        "    sum(sigmoid(o) * tanh(next))\n}"
    )
    values = {("r" if name == "f" else name): array for name, array in x.items()}
    i, f, o = (1 / (1 + np.exp(-x[name][0])) for name in ("i", "f", "o"))
    g, c = np.tanh(x["g"][0]), x["c"][0]
    t = np.tanh(f * c + i * g)
    dc = o * (1 - t * t)
    right = {
        "c": dc * f,
        "r": dc * c * f * (1 - f),
        "i": dc * g * i * (1 - i),
        "g": dc * i * (1 - g * g),
        "o": t * o * (1 - o),
    }
    for wrt, expected in right.items():
        np.testing.assert_allclose(derivative(text, wrt, values), expected, rtol=1e-10)
