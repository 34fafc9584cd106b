"""The prelude against PyTorch in float64: values, gradients, five steps of every optimizer."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np
import pytest

from compiler.graph.evaluate import evaluate
from tests.compiler.prelude.cases import LAYERS, LOSSES, layer_module, loss_module, numbers
from tests.compiler.prelude.test_optimizers import STEPS, train
from tests.compiler.prelude.test_training_mode import EMBEDDED

torch = pytest.importorskip("torch")
F = torch.nn.functional
Normal, kl_divergence = torch.distributions.Normal, torch.distributions.kl_divergence
pytestmark = [
    pytest.mark.wide,
    pytest.mark.filterwarnings("ignore:Using padding='same'"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
BATCH = 4
BOUND = {"rtol": 1e-8, "atol": 1e-8}


def images(x):
    """[N, h, w, c] to PyTorch's [N, c, h, w]."""
    return x.permute(0, 3, 1, 2)


def back(x):
    """[N, c, h, w] to ours."""
    return x.permute(0, 2, 3, 1)


def conv(pads=(0, 0, 0, 0), **settings) -> Callable:
    """`pads`: left, right, top, bottom."""

    def layer(x, p):
        W = p["W"].permute(0, 3, 1, 2)
        return back(F.conv2d(F.pad(images(x), pads), W, p["b"], **settings))

    return layer


def conv_transpose(cut=(0, 0), size=None, **settings) -> Callable:
    """The whole transpose, then `size` places after `cut` = (top, left)."""

    def layer(x, p):
        W = p["W"].permute(3, 0, 1, 2)
        y = back(F.conv_transpose2d(images(x), W, p["b"], **settings))
        (top, left), (h, w) = cut, size or y.shape[1:3]
        return y[:, top : top + h, left : left + w]

    return layer


def max_pool(window, pads=(0, 0, 0, 0), **settings) -> Callable:
    def layer(x, p):
        padded = F.pad(images(x), pads, value=-1e30)
        return back(F.max_pool2d(padded, window, **settings))

    return layer


def avg_pool(window, pads=(0, 0, 0, 0), **settings) -> Callable:
    """Zeros around the image are not counted: sums of numbers over sums of ones."""

    def layer(x, p):
        total, count = (
            F.avg_pool2d(F.pad(v, pads), window, **settings)
            for v in (images(x), torch.ones_like(images(x)))
        )
        return back(total / count)

    return layer


def batch_norm(x, p, momentum=0.1):
    y = F.batch_norm(x.reshape(-1, x.shape[-1]), None, None, p["gamma"], p["beta"], training=True)
    return y.reshape(x.shape)


def attention(heads: int, causal: bool = False) -> Callable:
    def layer(x, p):
        t, d = x.shape[1:]
        mask = torch.triu(torch.ones(t, t, dtype=torch.bool), 1) if causal else None
        rows, projections = x.transpose(0, 1), torch.cat([p["Q"], p["K"], p["V"]])
        y, _ = F.multi_head_attention_forward(
            rows,
            rows,
            rows,
            d,
            heads,
            projections,
            None,
            None,
            None,
            False,
            0.0,
            p["O"],
            None,
            need_weights=False,
            attn_mask=mask,
        )
        return y.transpose(0, 1)

    return layer


TORCH = {
    "dense": lambda x, p: F.linear(x, p["W"], p["b"]),
    "flatten": lambda x, p: x.flatten(1),
    "as": lambda x, p: x.reshape(-1, 3, 1, 2),
    "conv": conv(padding="same"),
    "conv even strided": conv((0, 1, 1, 2), stride=(2, 3)),
    "conv valid": conv(stride=2),
    "conv padded": conv(padding=1),
    "conv padded by pair": conv(padding=(1, 2)),
    "conv padded by four": conv((1, 3, 2, 0)),
    "conv dilated": conv(padding=2, dilation=(2, 3)),
    "conv grouped": conv(padding=1, stride=(1, 2), groups=2),
    "conv depthwise": conv(padding=1, groups=3),
    "conv_transpose": conv_transpose(padding=1),
    "conv_transpose same": conv_transpose((1, 0), (6, 8), stride=2),
    "conv_transpose valid": conv_transpose(stride=(2, 1)),
    "conv_transpose padded": conv_transpose(
        stride=(3, 2), padding=(1, 2), dilation=(2, 1), output_padding=(1, 0)
    ),
    "max_pool": max_pool((2, 3)),
    "max_pool same": max_pool((3, 2), (0, 1, 1, 1), stride=2),
    "max_pool padded": max_pool(3, stride=(2, 1), padding=1),
    "avg_pool": avg_pool((2, 3)),
    "avg_pool same": avg_pool((3, 2), (0, 1, 1, 1), stride=2),
    "avg_pool padded": lambda x, p: back(
        F.avg_pool2d(images(x), 3, (2, 1), 1, count_include_pad=False)
    ),
    "sigmoid": lambda x, p: torch.sigmoid(x),
    "tanh": lambda x, p: torch.tanh(x),
    "relu": lambda x, p: F.relu(x),
    "leaky_relu": lambda x, p: F.leaky_relu(x, 0.2),
    "softplus": lambda x, p: F.softplus(x),
    "swish": lambda x, p: F.silu(x),
    "silu": lambda x, p: F.silu(x),
    "gelu": lambda x, p: F.gelu(x),
    "elu": lambda x, p: F.elu(x, 1.5),
    "softmax": lambda x, p: F.softmax(x, dim=-1),
    "log_softmax": lambda x, p: F.log_softmax(x, dim=-1),
    "logsumexp": lambda x, p: torch.logsumexp(x, dim=-1),
    "batch_norm": batch_norm,
    "batch_norm of an image": batch_norm,
    "layer_norm": lambda x, p: F.layer_norm(x, x.shape[-1:], p["gamma"], p["beta"]),
    "multi_head_attention": attention(2),
    "multi_head_attention causal": attention(3, causal=True),
}


def test_every_layer_but_dropout_is_compared():
    assert TORCH.keys() == LAYERS.keys() - {"dropout"}


def leaf(array: np.ndarray):
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("name", TORCH)
def test_layer(name):
    graph = layer_module(name).gradients("train")
    values = numbers(graph, BATCH)
    leaves = {n: leaf(values[n.removeprefix("gradient/")]) for n in graph.outputs if "/" in n}
    s = torch.tensor(values["s"]).reshape(-1, *[1] * leaves["gradient/f.x"].dim())
    parameters = {n.split(".")[-1]: p for n, p in leaves.items()}
    y = TORCH[name](s * leaves["gradient/f.x"], parameters)
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
    np.testing.assert_allclose(found["gradient/net.w"], w.grad.numpy(), **BOUND)


def test_embedding():
    graph = EMBEDDED.gradients("train")
    values = numbers(graph, BATCH)
    table = leaf(values["f.embedding1.W"])
    loss = torch.sin(F.embedding(torch.tensor(values["token"]), table)).sum() / BATCH
    loss.backward()
    found = evaluate(graph, values, BATCH)
    np.testing.assert_allclose(found["loss"], loss.item(), **BOUND)
    np.testing.assert_allclose(found["gradient/f.embedding1.W"], table.grad.numpy(), **BOUND)


SGD = torch.optim.SGD
OPTIMIZERS = {
    "sgd": lambda p: SGD(p, 0.01),
    "momentum": lambda p: SGD(p, 0.01, momentum=0.9),
    "nesterov(lr = 0.1, beta = 0.8)": lambda p: SGD(p, 0.1, momentum=0.8, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.01),
    "adam": lambda p: torch.optim.Adam(p, 1e-3),
    "adamw(lr = 0.1)": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.01),
}


def torch_steps(values, optimizer, scheduler=None, clip=None):
    """`net.w` after some steps on the squared error."""
    w = leaf(values["net.w"])
    s, y = torch.tensor(values["s"])[:, None], torch.tensor(values["y"])
    rule = optimizer([w])
    rates = scheduler(rule) if scheduler else None
    for _ in range(STEPS):
        rule.zero_grad()
        (F.mse_loss(s * w, y, reduction="sum") / BATCH).backward()
        if clip:
            clip(w)
        rule.step()
        if rates:
            rates.step()
    return w.detach().numpy()


@pytest.mark.parametrize("using", OPTIMIZERS)
def test_optimizer(using):
    module = loss_module("squared_error(net(s), y)", using=using)
    values = numbers(module.step("train"), BATCH)
    wanted = torch_steps(values, OPTIMIZERS[using])
    np.testing.assert_allclose(train(module, values)["net.w"], wanted, **BOUND)


rates = torch.optim.lr_scheduler
SCHEDULES = {
    "steady(0.1)": lambda o: rates.ConstantLR(o, factor=1),
    "step_decay(0.1, 2)": lambda o: rates.StepLR(o, 2),
    "exponential_decay(0.1, 0.8)": lambda o: rates.ExponentialLR(o, 0.8),
    "cosine(0.1, 4, end = 0.02)": lambda o: rates.LambdaLR(
        o, lambda t: 0.2 + 0.4 * (1 + np.cos(pi * min(t / 4, 1)))
    ),
    "cosine(0.1, 9)": lambda o: rates.CosineAnnealingLR(o, 9),
    "linear(0.1, 0.02, 3)": lambda o: rates.LinearLR(o, 1, 0.2, 3),
    "warmup(0.1, 3)": lambda o: rates.LinearLR(o, 1 / 3, 1, 2),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedule(schedule):
    module = loss_module("squared_error(net(s), y)", using=f"sgd(lr = {schedule})")
    values = numbers(module.step("train"), BATCH)
    wanted = torch_steps(values, lambda p: SGD(p, 0.1), SCHEDULES[schedule])
    np.testing.assert_allclose(train(module, values)["net.w"], wanted, **BOUND)


def test_clip_value():
    module = loss_module("squared_error(net(s), y)", using="sgd(lr = 0.1), clip(value = 0.4)")
    values = numbers(module.step("train"), BATCH)
    wanted = torch_steps(
        values, lambda p: SGD(p, 0.1), clip=lambda w: torch.nn.utils.clip_grad_value_(w, 0.4)
    )
    np.testing.assert_allclose(train(module, values)["net.w"], wanted, **BOUND)


def test_clip_norm():
    """PyTorch divides by the norm + 1e-6."""
    module = loss_module("squared_error(net(s), y)", using="sgd(lr = 0.1), clip(norm = 0.4)")
    values = numbers(module.step("train"), BATCH)
    wanted = torch_steps(
        values, lambda p: SGD(p, 0.1), clip=lambda w: torch.nn.utils.clip_grad_norm_(w, 0.4)
    )
    np.testing.assert_allclose(train(module, values)["net.w"], wanted, rtol=1e-5)


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
        found["update/" + path + "running_mean"], layer.running_mean.numpy(), **BOUND
    )
    moved = (layer.running_var - 0.7 * before) * (n - 1) / n
    np.testing.assert_allclose(
        found["update/" + path + "running_var"], (0.7 * before + moved).numpy(), **BOUND
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
