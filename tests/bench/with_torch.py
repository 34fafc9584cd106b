"""The workloads in PyTorch: autograd, a fused optimizer, gradients set to None between steps.

Variants: "last" has images with their channels last, "compile" compiles the loss (and with it the
derivative) and the output by `torch.compile`.  "cuda" runs on a GPU, "cuda-compile" there with
mode="max-autotune", which launches graphs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from layers import Convolution, Layer, Line, Network, Pool, Recurrence, Transformer
from torch import Tensor
from torch_networks import TorchNetwork
from workloads import Workload

VERSION = torch.__version__
OPTIMIZERS = {
    "adam": (torch.optim.Adam, {"fused": True}),
    "sgd": (torch.optim.SGD, {"fused": True}),
    "momentum": (torch.optim.SGD, {"fused": True, "momentum": 0.9}),
}
Values = list[Tensor] | TorchNetwork


def load(threads: int) -> None:
    """Use this many threads."""
    torch.set_num_threads(threads)


def covers(workload: Workload, variant: str) -> bool:
    """Nothing is compiled for recurrences, whose kernels are whole, and pairs of networks."""
    if variant.startswith("cuda") and not torch.cuda.is_available():
        return False
    if variant == "last":
        return len(workload.image) == 3
    own = workload.loss == "gan" or any(isinstance(x, Recurrence) for x in workload.layers())
    return not variant.endswith("compile") or not own


class Run:
    """One workload, in one of the variants."""

    steps = 1

    def __init__(self, workload: Workload, variant: str) -> None:
        self.workload = workload
        self.device = "cuda" if variant.startswith("cuda") else "cpu"
        self.layout = torch.channels_last if variant == "last" else torch.contiguous_format
        values = workload.start()
        self.data = {k: self.tensor(v) for k, v in workload.data().items()}
        if workload.loss in ("cross_entropy", "tokens"):
            self.data["y"] = self.data["y"].long()
        self.parts: dict[str, list[tuple[Layer, Values]]] = {}
        for name, layers in workload.parts.items():
            self.parts[name] = [(x, self.taken(x, values)) for x in layers]
        groups = [[t for _, ts in part for t in ts] for part in self.parts.values()]
        if workload.loss != "gan":
            groups = [[t for group in groups for t in group]]
        self.parameters = groups[0]
        optimizer, settings = OPTIMIZERS[workload.optimizer]
        self.optimizers = [optimizer(g, lr=workload.rate, **settings) for g in groups]
        self.advance = self.step
        if variant.endswith("compile"):
            mode = "default" if self.device == "cpu" else "max-autotune"
            self.minimised = torch.compile(self.minimised, mode=mode)
            self.output = torch.compile(self.output, mode=mode)

    def tensor(self, value: Any) -> Tensor:
        """An array in PyTorch's order of axes."""
        tensor = torch.tensor(value, device=self.device)
        if tensor.ndim == 4:
            return tensor.permute(0, 3, 1, 2).contiguous(memory_format=self.layout)
        return tensor

    def taken(self, layer: Layer, values: Iterator[np.ndarray]) -> Values:
        """A layer's parameters."""
        if isinstance(layer, Network):
            return TorchNetwork(layer, values, self.layout)
        return [self.tensor(next(values)).requires_grad_() for _ in layer.shapes()]

    def apply(self, part: str, x: Any) -> Tensor:
        """A part of the network."""
        for layer, values in self.parts[part]:
            x = apply(layer, values, x)
        return x

    def output(self) -> Tensor:
        """What inference gives."""
        d = self.data
        match self.workload.loss:
            case "vae":
                return self.decoded()[0]
            case "gan":
                return torch.tanh(self.apply("net", d["z1"]))
            case "noise":
                return self.apply("net", (d["x"], d["t"]))
        return self.apply("net", d["x"])

    def decoded(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the VAE: the output, mu and log_var."""
        mu, log_var = self.apply("encode", self.data["x"]).chunk(2, 1)
        return self.apply("decode", mu + torch.exp(log_var / 2) * self.data["eps"]), mu, log_var

    def minimised(self) -> Tensor:
        """The loss of all workloads but the GAN's."""
        d = self.data
        match self.workload.loss:
            case "tokens":
                return F.cross_entropy(self.output().flatten(0, 1), d["y"].flatten())
            case "squares" | "fit" | "noise":
                return F.mse_loss(self.output(), d["x" if self.workload.loss == "squares" else "y"])
            case "vae":
                y, mu, log_var = self.decoded()
                kl = (mu * mu + torch.exp(log_var) - log_var - 1).sum(1).mean() / 2
                return F.mse_loss(y, d["x"]) + kl / 784
        if self.workload.loss == "each":
            return -(d["y"] * F.log_softmax(self.output(), -1)).sum() / d["y"].shape[0:2].numel()
        return F.cross_entropy(self.output(), d["y"])

    def step(self) -> Tensor:
        """One step."""
        if self.workload.loss == "gan":
            return self.adversarial_step()
        (optimizer,) = self.optimizers
        optimizer.zero_grad(set_to_none=True)
        loss = self.minimised()
        loss.backward()
        if self.workload.clip:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.workload.clip)
        optimizer.step()
        return loss

    def adversarial_step(self) -> Tensor:
        """A step of the discriminator, then one of the generator."""
        generator, judge = self.optimizers
        judge.zero_grad(set_to_none=True)
        with torch.no_grad():
            made = torch.tanh(self.apply("net", self.data["z1"]))
        scores = self.apply("judge", torch.cat([self.data["x"], made]))
        count = self.workload.batch
        first = F.softplus(-scores[:count]).mean() + F.softplus(scores[count:]).mean()
        first.backward()
        judge.step()
        generator.zero_grad(set_to_none=True)
        with frozen(self.parts["judge"]):
            made = torch.tanh(self.apply("net", self.data["z2"]))
            second = F.softplus(-self.apply("judge", made)).mean()
            second.backward()
        generator.step()
        return first.detach() + second.detach()

    def infer(self) -> Tensor:
        """The output; what a network keeps may serve a step later, so no inference mode."""
        with torch.no_grad():
            return self.output()

    def wait(self, token: Tensor) -> None:
        """On a CPU nothing is left to do."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def loss(self, token: Tensor) -> float:
        """The number."""
        return float(token.detach())

    def numbers(self, token: Tensor) -> np.ndarray:
        """The same memory."""
        turned = token.permute(0, 2, 3, 1) if token.ndim == 4 else token
        return turned.cpu().numpy()


class frozen:
    """Parameters that a step differentiates through but not by."""

    def __init__(self, part: list[tuple[Layer, Values]]) -> None:
        self.values = [t for _, ts in part for t in ts]

    def __enter__(self) -> None:
        for value in self.values:
            value.requires_grad_(False)

    def __exit__(self, *_: object) -> None:
        for value in self.values:
            value.requires_grad_(True)


def apply(layer: Layer, values: Any, x: Any) -> Tensor:
    """One layer."""
    match layer:
        case Line():
            return values[0] + values[1] * x
        case Pool():
            return F.max_pool2d(x, 2)
        case Recurrence():
            return recurrence(layer, values, x)
        case Network():
            return values(x)
        case Transformer():
            return transformer(layer, values, x)
        case Convolution():
            y = F.conv2d(x, *values, stride=layer.stride, padding=layer.padding)
        case _:
            if x.ndim == 4:  # in the order rows, columns, channels
                x = x.permute(0, 2, 3, 1).flatten(1)
            y = F.linear(x, *values)
    return {"relu": F.relu, "tanh": torch.tanh}[layer.after](y) if layer.after else y


def recurrence(layer: Recurrence, values: list[Tensor], x: Tensor) -> Tensor:
    """The last state, by PyTorch's own recurrent kernels."""
    W, U, b, *more = values
    c = more[0] if more else torch.zeros_like(b)
    kernels = {"rnn": torch.rnn_tanh, "lstm": torch.lstm, "gru": torch.gru}
    zeros = x.new_zeros(1, x.shape[0], layer.units)
    state = (zeros, zeros) if layer.kind == "lstm" else zeros
    given = (x, state, [U, W, b, c], True, 1, 0.0, torch.is_grad_enabled(), False, True)
    states = kernels[layer.kind](*given)[0]
    return states[:, -1] if layer.last else states


def transformer(layer: Transformer, values: list[Tensor], x: Tensor) -> Tensor:
    """The block, with PyTorch's fused attention."""
    E, P, g1, b1, Wqkv, bqkv, Wo, bo, g2, b2, W1, c1, W2, c2, g3, b3, Wu, bu = values
    d, heads = layer.width, layer.heads
    h = x @ E + P
    qkv = F.linear(F.layer_norm(h, (d,), g1, b1), Wqkv, bqkv)
    q, k, v = qkv.view(*x.shape[:2], 3, heads, d // heads).permute(2, 0, 3, 1, 4).unbind(0)
    a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    h = h + F.linear(a.transpose(1, 2).reshape(*x.shape[:2], d), Wo, bo)
    m = F.gelu(F.linear(F.layer_norm(h, (d,), g2, b2), W1, c1), approximate="tanh")
    h = h + F.linear(m, W2, c2)
    return F.linear(F.layer_norm(h, (d,), g3, b3), Wu, bu)


def build(workload: Workload, variant: str) -> Run:
    """A run."""
    return Run(workload, variant)
