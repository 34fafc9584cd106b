"""The operations of the real sizes in PyTorch: what a person would call there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from layers import Network
from networks import NETWORKS, Taken, taken_by
from torch import Tensor

CHANNELS_SECOND = {3: (0, 2, 1), 4: (0, 3, 1, 2)}  # as convolutions want their weights
FUNCTIONS = {
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


class TorchNetwork:
    """A network's parameters, running statistics and operations."""

    def __init__(self, layer: Network, given: Iterator[np.ndarray], layout: Any) -> None:
        self.forward, self.layout = NETWORKS[layer.name], layout
        self.values = [self.value(taken, given) for taken in taken_by(layer.name)]
        self.running: dict[int, tuple[Tensor, Tensor]] = {}
        self.at = 0

    def value(self, taken: Taken, given: Iterator[np.ndarray]) -> Tensor:
        """One parameter, of one array or several."""
        tensor = torch.tensor(np.concatenate([next(given) for _ in range(taken.parts)]))
        if order := CHANNELS_SECOND.get(tensor.ndim):
            layout = self.layout if tensor.ndim == 4 else torch.contiguous_format
            tensor = tensor.permute(*order).contiguous(memory_format=layout)
        return tensor.requires_grad_()

    def __iter__(self) -> Iterator[Tensor]:
        """The parameters."""
        return iter(self.values)

    def __call__(self, x: Any) -> Tensor:
        self.at = 0
        return self.forward(self, x)

    def take(self, *shape: int, gain: bool = False, parts: int = 1) -> Tensor:
        self.at += 1
        return self.values[self.at - 1]

    def function(self, name: str, x: Tensor) -> Tensor:
        return FUNCTIONS[name](x)

    def linear(self, W: Tensor, b: Tensor | None, x: Tensor) -> Tensor:
        return F.linear(x, W, b)

    def rows(self, W: Tensor, x: Tensor) -> Tensor:
        return F.embedding(x, W)

    def convolve(self, W: Tensor, b: Tensor | None, x: Tensor, stride: int) -> Tensor:
        return F.conv2d(x, W, b, stride, W.shape[-1] // 2)

    def taps(self, W: Tensor, b: Tensor, x: Tensor, apart: int) -> Tensor:
        return F.conv1d(F.pad(x, (apart, 0)), W, b, dilation=apart)

    def linear_steps(self, W: Tensor, b: Tensor, x: Tensor) -> Tensor:
        return F.conv1d(x, W[:, :, None], b)

    def batch_norm(self, g: Tensor, b: Tensor, x: Tensor) -> Tensor:
        if self.at not in self.running:
            self.running[self.at] = torch.zeros_like(g), torch.ones_like(g)
        return F.batch_norm(x, *self.running[self.at], g, b, torch.is_grad_enabled())

    def layer_norm(self, g: Tensor, b: Tensor, x: Tensor) -> Tensor:
        return F.layer_norm(x, g.shape, g, b)

    def group_norm(self, g: Tensor, b: Tensor, x: Tensor) -> Tensor:
        return F.group_norm(x, 8, g, b)

    def attention(self, qkv: Tensor, heads: int, causal: bool) -> Tensor:
        n, t, width = qkv.shape
        q, k, v = qkv.view(n, t, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return y.transpose(1, 2).reshape(n, t, width // 3)

    def join(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.cat([x, y], 1)

    def halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a, b = x.chunk(2, 1)
        return a, b

    def pixels(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2)

    def image(self, x: Tensor, like: Tensor) -> Tensor:
        return x.transpose(1, 2).reshape(like.shape)

    def everywhere(self, e: Tensor) -> Tensor:
        return e[:, :, None, None]

    def twice(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="nearest")

    def mean(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))

    def waves(self, t: Tensor) -> Tensor:
        angles = t[:, None] * torch.exp(torch.arange(32) * -0.2878231366242557)
        return torch.cat([torch.sin(angles), torch.cos(angles)], 1)

    def sound(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)

    def steps(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)
