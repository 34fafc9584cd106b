"""The prelude against PyTorch in float64: values and gradients of layers and losses."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged, of_role
from gradc_compiler.graph_tools.evaluate import evaluate
from tests.compiler.prelude.cases import LAYERS, LOSSES, layer_module, loss_module, numbers
from tests.compiler.prelude.in_torch import BATCH, BOUND, TORCH, F, leaf, torch
from tests.compiler.prelude.test_training_mode import EMBEDDED

Normal, kl_divergence = torch.distributions.Normal, torch.distributions.kl_divergence
pytestmark = [
    pytest.mark.wide,
    pytest.mark.filterwarnings("ignore:Using padding='same'"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_every_layer_but_dropout_is_compared():
    assert TORCH.keys() == LAYERS.keys() - {"dropout"}


@pytest.mark.parametrize("name", TORCH)
def test_layer(name):
    graph = layer_module(name).gradients("train")
    values = numbers(graph, BATCH)
    leaves = {n: leaf(values[n]) for n in of_role(Role.GRADIENT, graph.outputs)}
    s = torch.tensor(values["s"]).reshape(-1, *[1] * leaves["f.x"].dim())
    parameters = {n.split(".")[-1]: p for n, p in leaves.items()}
    y = TORCH[name](s * leaves["f.x"], parameters)
    loss = torch.sin(2 * y).sum() / BATCH
    loss.backward()
    found = evaluate(graph, values, BATCH)
    np.testing.assert_allclose(found["loss"], loss.item(), **BOUND)
    for gradient, p in leaves.items():
        np.testing.assert_allclose(found[gradient], p.grad.numpy(), **BOUND, err_msg=gradient)


# q = net(s), all [N, 5]
TORCH_LOSSES = {
    "squared_error": lambda q, y, label: F.mse_loss(q, y, reduction="sum"),
    "mean_squared_error": lambda q, y, label: F.mse_loss(q, y) * BATCH,
    "absolute_error": lambda q, y, label: F.l1_loss(q, y, reduction="sum"),
    "huber": lambda q, y, label: F.huber_loss(q, y, reduction="sum"),
    "huber 0.5": lambda q, y, label: F.huber_loss(q, y, reduction="sum", delta=0.5),
    "cross_entropy": lambda q, y, label: F.cross_entropy(q, label, reduction="sum"),
    "bce_logits": lambda q, y, label: F.binary_cross_entropy_with_logits(
        q, torch.sigmoid(y), reduction="sum"
    ),
    "bce": lambda q, y, label: F.binary_cross_entropy(
        torch.sigmoid(q), torch.sigmoid(y), reduction="sum"
    ),
    "kl_unit_normal": lambda q, y, label: kl_divergence(
        Normal(q, torch.exp(y * q / 2)), Normal(0, 1)
    ).sum(),
    "norm": lambda q, y, label: torch.linalg.vector_norm(q - y, dim=-1).sum(),
}


@pytest.mark.parametrize("name", TORCH_LOSSES)
def test_loss(name):
    graph = loss_module(LOSSES[name]).gradients("train")
    values = numbers(loss_module("cross_entropy(net(s) + y, label)").gradients("train"), BATCH)
    w, s = leaf(values["net.w"]), torch.tensor(values["s"])[:, None]
    y, label = torch.tensor(values["y"]), torch.tensor(values["label"])
    loss = TORCH_LOSSES[name](s * w, y, label) / BATCH
    loss.backward()
    found = evaluate(graph, values, BATCH)
    np.testing.assert_allclose(found["loss"], loss.item(), **BOUND)
    np.testing.assert_allclose(found[Tagged(Role.GRADIENT, "net.w")], w.grad.numpy(), **BOUND)


def test_embedding():
    graph = EMBEDDED.gradients("train")
    values = numbers(graph, BATCH)
    table = leaf(values["f.embedding1.W"])
    loss = torch.sin(F.embedding(torch.tensor(values["token"]), table)).sum() / BATCH
    loss.backward()
    found = evaluate(graph, values, BATCH)
    np.testing.assert_allclose(found["loss"], loss.item(), **BOUND)
    np.testing.assert_allclose(
        found[Tagged(Role.GRADIENT, "f.embedding1.W")], table.grad.numpy(), **BOUND
    )


def test_running_statistics_and_inference():
    """PyTorch's running variance divides by n - 1."""
    module = layer_module("batch_norm of an image")
    graph, n = module.step("train"), BATCH * 6
    values = numbers(graph, BATCH)
    path = "f.batch_norm1."
    values[path + "running_var"] = np.abs(values[path + "running_var"])
    found = evaluate(graph, values, BATCH)
    layer = torch.nn.BatchNorm1d(4, momentum=0.3, dtype=torch.float64)
    before = torch.tensor(values[path + "running_var"])
    layer.running_mean = torch.tensor(values[path + "running_mean"])
    layer.running_var = before.clone()
    x = torch.tensor(values["s"][:, None, None, None] * values["f.x"])
    layer(x.reshape(-1, 4))
    np.testing.assert_allclose(
        found[Tagged(Role.UPDATE, path + "running_mean")], layer.running_mean.numpy(), **BOUND
    )
    moved = (layer.running_var - 0.7 * before) * (n - 1) / n
    np.testing.assert_allclose(
        found[Tagged(Role.UPDATE, path + "running_var")], (0.7 * before + moved).numpy(), **BOUND
    )
    wanted = F.batch_norm(
        x.reshape(-1, 4),
        torch.tensor(values[path + "running_mean"]),
        before,
        torch.tensor(values[path + "gamma"]),
        torch.tensor(values[path + "beta"]),
    )
    result = evaluate(module.forward("f"), values, BATCH)["result"]
    np.testing.assert_allclose(result.reshape(-1, 4), wanted.numpy(), **BOUND)
