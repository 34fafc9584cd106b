"""Derivatives of losses that hold derivatives, across the batch and not, equal PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph_tools.evaluate import evaluate

pytestmark = pytest.mark.wide
torch = pytest.importorskip("torch")

NET = """
model f(x : [3]) -> scalar {{ x |> dense(4) |> {0} |> dense(1) |> as(scalar) }}
data d(x : [3], y : scalar) = npz("none.npz")
train on d {{
    l = (f(x) - y)^2
    W = f.dense1.W
    minimize {1}
    using sgd(lr = 1)
}}
"""
N = 6


def plain(p: dict[str, Any], x: Any) -> Any:
    h = torch.tanh(x @ p["f.dense1.W"].T + p["f.dense1.b"])
    return (h @ p["f.dense2.W"].T + p["f.dense2.b"])[:, 0]


def normalised(p: dict[str, Any], x: Any) -> Any:
    h = x @ p["f.dense1.W"].T + p["f.dense1.b"]
    h = (h - h.mean(0)) / torch.sqrt(h.var(0, unbiased=False) + 1e-5)
    h = torch.tanh(h * p["f.batch_norm1.gamma"] + p["f.batch_norm1.beta"])
    return (h @ p["f.dense2.W"].T + p["f.dense2.b"])[:, 0]


def by(e: Any, x: Any) -> Any:
    return torch.autograd.grad(e, x, create_graph=True)[0]


def of_mean(l: Any, p: Any, x: Any) -> Any:
    return (by(l.mean(), p["f.dense1.W"]) ** 2).sum()


def of_each(l: Any, p: Any, x: Any) -> Any:
    return torch.stack([(by(one, p["f.dense1.W"]) ** 2).sum() for one in l]).mean()


def by_input(l: Any, p: Any, x: Any) -> Any:
    return (by(l.sum(), x) ** 2).sum(1).mean()


def curvature(l: Any, p: Any, x: Any) -> Any:
    return (by(of_mean(l, p, x), p["f.dense1.W"]) ** 2).sum()


LOSSES: dict[str, Callable[..., Any]] = {
    "sum(grad(batch_mean(l), W)^2)": of_mean,
    "sum(batch_mean(grad(l, W))^2)": of_mean,
    "sum(grad(l, W)^2)": of_each,
    "sum(grad(l, x)^2)": by_input,
    "sum(grad(batch_mean(l), x)^2)": by_input,
    "l + 0.3 * sum(grad(sum(grad(batch_mean(l), W)^2), W)^2)": (
        lambda l, p, x: l.mean() + 0.3 * curvature(l, p, x)
    ),
    "grad(sum(batch_mean(grad(l, x)^2)), W)[0, 0]": (
        lambda l, p, x: by((by(l.sum(), x) ** 2).mean(0).sum(), p["f.dense1.W"])[0, 0]
    ),
}
CASES = [
    (middle, text)
    for text in LOSSES
    for middle in ("tanh", "batch_norm |> tanh")
    if not (text == "sum(grad(l, W)^2)" and middle != "tanh")  # an example's part, by definition
]


@pytest.mark.parametrize(("middle", "text"), CASES)
def test_as_in_pytorch(build, initial, middle: str, text: str) -> None:
    module, rng = build(NET.format(middle, text)), np.random.default_rng(0)
    values = initial(module) | {"x": rng.normal(size=(N, 3)), "y": rng.normal(size=N)}
    values |= {k: v + 0.3 * rng.normal(size=v.shape) for k, v in values.items() if "f." in k}
    found = evaluate(module.gradients("train"), values, N)
    wanted = {k: v for k, v in values.items() if k == "x" or k.startswith("f.")}
    p = {k: torch.tensor(v, requires_grad=True) for k, v in wanted.items()}
    said = (plain if middle == "tanh" else normalised)(p, p["x"])
    loss = LOSSES[text]((said - torch.tensor(values["y"])) ** 2, p, p["x"])
    np.testing.assert_allclose(found["loss"], loss.detach(), rtol=1e-9)
    loss.backward()
    for name, slope in of_role(Role.GRADIENT, found).items():
        right = p[name].grad
        right = torch.zeros(()) if right is None else right
        np.testing.assert_allclose(slope, right, rtol=1e-7, atol=1e-10, err_msg=name)
