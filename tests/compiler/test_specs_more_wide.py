"""Wide: fifty steps as plain PyTorch takes them from the same start, in double precision.

Draws are given as data to both, so that both see the same numbers; dropout is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.training.trainer import Trainer

pytestmark = pytest.mark.wide
SPECS = Path(__file__).parents[2] / "specs"
STEPS, EXAMPLES = 50, 12
Losses = dict[str, float]


def text_of(name: str, *changes: tuple[str, str]) -> str:
    """A spec with some of its words changed, each of which it must have."""
    text = (SPECS / f"{name}.nn").read_text()
    for old, new in changes:
        assert old in text, f"{name}.nn has no {old!r}"
        text = text.replace(old, new)
    return text


class Network:
    """The parameters of a session as tensors of PyTorch, and layers that use them by name."""

    def __init__(self, session: Session) -> None:
        self.torch: Any = pytest.importorskip("torch")
        self.tensors = {
            name: self.torch.tensor(np.array(value), requires_grad=True)
            for name, value in session.parameters.items()
        }

    def of(self, model: str) -> list[Any]:
        return [t for name, t in self.tensors.items() if name.startswith(f"{model}.")]

    def dense(self, name: str, x: Any) -> Any:
        return x @ self.tensors[f"{name}.W"].T + self.tensors[f"{name}.b"]

    def filters(self, name: str, x: Any, stride: int = 1) -> Any:
        """3x3 with zeros around, normalised over the batch."""
        weights = self.tensors[f"{name}.W"].permute(0, 3, 1, 2)
        y = self.torch.nn.functional.conv2d(x, weights, stride=stride, padding=1)
        gamma, beta = (self.tensors[f"{name}.batch_norm1.{part}"] for part in ("gamma", "beta"))
        return self.torch.nn.functional.batch_norm(y, None, None, gamma, beta, training=True)

    def adam(self, model: str, **settings: Any) -> Any:
        return self.torch.optim.Adam(self.of(model), **settings)

    def update(self, loss: Any, optimiser: Any) -> float:
        for tensor in self.tensors.values():
            tensor.grad = None
        loss.backward()
        optimiser.step()
        return float(loss.detach())


def gan(net: Network, batches: list[dict[str, Any]]) -> Iterator[Losses]:
    torch, F = net.torch, net.torch.nn.functional

    def generated(z: Any) -> Any:
        hidden = F.leaky_relu(net.dense("G.dense1", z), 0.2)
        hidden = F.leaky_relu(net.dense("G.dense2", hidden), 0.2)
        return torch.sigmoid(net.dense("G.dense3", hidden))

    def judged(x: Any) -> Any:
        return net.dense("D.dense2", F.leaky_relu(net.dense("D.dense1", x), 0.2))

    def bce(logit: Any, target: float) -> Any:
        return F.binary_cross_entropy_with_logits(logit, torch.full_like(logit, target))

    first = net.adam("D", lr=5e-4, betas=(0.5, 0.999))
    second = net.adam("G", lr=1e-3, betas=(0.5, 0.999))
    for batch in batches:
        x, z = batch["x"].flatten(1), batch["z"]
        loss = bce(judged(x), 0.9) + bce(judged(generated(z)), 0.0)
        found = {"discriminator.loss": net.update(loss, first)}
        yield found | {"generator.loss": net.update(bce(judged(generated(z)), 1.0), second)}


def wgan_gp(net: Network, batches: list[dict[str, Any]]) -> Iterator[Losses]:
    torch, F = net.torch, net.torch.nn.functional

    def generated(z: Any) -> Any:
        hidden = torch.relu(net.dense("G.dense2", torch.relu(net.dense("G.dense1", z))))
        return torch.sigmoid(net.dense("G.dense3", hidden))

    def judged(x: Any) -> Any:
        hidden = F.leaky_relu(net.dense("D.dense1", x), 0.2)
        return net.dense("D.dense3", F.leaky_relu(net.dense("D.dense2", hidden), 0.2))[:, 0]

    first = net.adam("D", lr=5e-4, betas=(0.0, 0.9))
    second = net.adam("G", lr=1e-4, betas=(0.0, 0.9))
    for batch in batches:
        real, z, u = batch["real"].flatten(1), batch["z"], batch["u"][:, None]
        made = generated(z)
        between = (u * real + (1 - u) * made).detach().requires_grad_()
        (slope,) = torch.autograd.grad(judged(between).sum(), between, create_graph=True)
        penalty = 10 * (slope.norm(dim=1) - 1) ** 2
        loss = (judged(made.detach()) - judged(real) + penalty).mean()
        found = {"critic.loss": net.update(loss, first)}
        yield found | {"generator.loss": net.update(-judged(generated(z)).mean(), second)}


def residual(net: Network, batches: list[dict[str, Any]]) -> Iterator[Losses]:
    torch = net.torch

    def block(name: str, x: Any) -> Any:
        y = torch.relu(net.filters(f"{name}.filters1", x))
        return torch.relu(x + net.filters(f"{name}.filters2", y))

    def scores(x: Any) -> Any:
        x = x.permute(0, 3, 1, 2)
        for part in (1, 2):
            x = torch.relu(net.filters(f"digit.filters{part}", x, stride=part))
            for number in (2 * part - 1, 2 * part):
                x = block(f"digit.block{number}.residual1", x)
        return net.dense("digit.dense1", x.mean(dim=(2, 3)))

    optimiser = net.adam("digit")
    for t, batch in enumerate(batches):
        optimiser.param_groups[0]["lr"] = 5e-3 * (1 + np.cos(np.pi * t / 675)) / 2
        squares = sum((p**2).sum() for p in net.of("digit"))
        loss = torch.nn.functional.cross_entropy(scores(batch["image"]), batch["label"])
        yield {"loss": net.update(loss + 1e-5 * squares, optimiser)}


def oscillator(net: Network, batches: list[dict[str, Any]]) -> Iterator[Losses]:
    torch = net.torch

    def u(t: Any) -> Any:
        hidden = torch.tanh(net.dense("u.dense1", t[:, None]))
        hidden = torch.tanh(net.dense("u.dense2", hidden))
        return 2 * t + t**2 * net.dense("u.dense3", hidden)[:, 0]

    optimiser = net.adam("u")
    for k, batch in enumerate(batches):
        optimiser.param_groups[0]["lr"] = 1e-2 * (1 + np.cos(np.pi * k / 14_000)) / 2
        t = batch["t"].requires_grad_()
        (velocity,) = torch.autograd.grad(u(t).sum(), t, create_graph=True)
        (acceleration,) = torch.autograd.grad(velocity.sum(), t, create_graph=True)
        loss = ((acceleration + 4 * u(t)) ** 2).mean()
        yield {"loss": net.update(loss, optimiser)}


Z = ("    noise z : [16] ~ normal(0, 1)\n", "")
CASES: dict[str, tuple[str, Callable[..., Iterator[Losses]]]] = {
    "gan": (
        text_of("gan", Z, ("(x : [14, 14, 1]) =", "(x : [14, 14, 1], z : [16]) ="),
                ("|> dropout(0.3) ", "")), gan),
    "wgan_gp": (
        text_of("wgan_gp", Z, ("    noise u : scalar ~ uniform(0, 1)\n", ""),
                ("(real : [14, 14, 1])", "(real : [14, 14, 1], z : [16], u : scalar)")), wgan_gp),
    "residual": (text_of("residual"), residual),
    "oscillator": (text_of("oscillator"), oscillator),
}  # fmt: skip


def batches_of(session: Session) -> list[dict[str, np.ndarray]]:
    """Random examples of what the data declaration says."""
    draw = np.random.default_rng(7)
    fields = dict(session.program.data[0].fields)
    shapes = {name: (EXAMPLES, *type.shape) for name, type in fields.items()}
    return [
        {
            name: draw.integers(type.classes, size=EXAMPLES) if type.classes
            else draw.normal(size=shapes[name]) if name == "z"
            else draw.uniform(size=shapes[name])
            for name, type in fields.items()
        }
        for _ in range(STEPS)
    ]  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_fifty_steps_are_those_of_pytorch(name: str) -> None:
    text, script = CASES[name]
    session = Session(compile_source(text), dtype="float64", threads=1, seed=2)
    batches = batches_of(session)
    net = Network(session)
    tensors = [{k: net.torch.tensor(v) for k, v in batch.items()} for batch in batches]
    for batch, theirs in zip(batches, script(net, tensors), strict=True):
        ours = session.step(**batch)
        for metric, loss in theirs.items():
            assert ours[metric] == pytest.approx(loss, rel=1e-8), metric
    for key, tensor in net.tensors.items():
        wanted = tensor.detach().numpy()
        scale = max(float(np.abs(wanted).max()), 1e-3)
        np.testing.assert_allclose(session.parameters[key], wanted, atol=1e-8 * scale, err_msg=key)


def test_the_discriminator_stays_off_the_walls() -> None:
    session = Session(compile_source(text_of("gan")), seed=0)
    settings = resolve(session.training.settings, seed=0, epochs=45)
    summary = Trainer(session, session.dataset(), settings).run()
    assert summary.step >= 2_000
    for row in summary.rows[1:]:
        assert row["discriminator.loss"] > 0.5 and 0.3 < row["generator.loss"] < 5
        assert all(0.1 < row[f"discriminator.{name}"] < 0.9 for name in ("real", "made"))


def test_the_oscillator_is_within_one_percent() -> None:
    session = Session(compile_source(text_of("oscillator")), seed=0)
    session.train()
    t = np.linspace(0, 4, 401)
    assert np.abs(session.run("u", t=t) - np.sin(2 * t)).max() < 0.01


def test_the_masks_overlap() -> None:
    session = Session(compile_source(text_of("unet")), seed=0)
    summary = session.train()
    assert summary.rows[-1]["held_out.overlap"] > 0.8
