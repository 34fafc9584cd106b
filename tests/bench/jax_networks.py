"""The operations of the real sizes in JAX; running statistics are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from layers import Network
from networks import NETWORKS

FUNCTIONS = {
    "relu": jax.nn.relu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
}
AXES = ("NHWC", "OHWI", "NHWC")


class JaxNetwork:
    """A network's operations on its parameters; a normalisation that trains looks at the batch."""

    def __init__(self, layer: Network, values: list[Any], training: bool) -> None:
        self.forward, self.training = NETWORKS[layer.name], training
        self.values: Iterator[Any] = iter(values)

    def __call__(self, x: Any) -> Any:
        return self.forward(self, x)

    def take(self, *shape: int, gain: bool = False, parts: int = 1) -> Any:
        own = [next(self.values) for _ in range(parts)]
        return own[0] if parts == 1 else jnp.concatenate(own)

    def function(self, name: str, x: Any) -> Any:
        return FUNCTIONS[name](x)

    def linear(self, W: Any, b: Any, x: Any) -> Any:
        return x @ W.T if b is None else x @ W.T + b

    def rows(self, W: Any, x: Any) -> Any:
        return W[x]

    def convolve(self, W: Any, b: Any, x: Any, stride: int) -> Any:
        padding = [(W.shape[1] // 2,) * 2] * 2
        y = lax.conv_general_dilated(x, W, (stride, stride), padding, dimension_numbers=AXES)
        return y if b is None else y + b

    def taps(self, W: Any, b: Any, x: Any, apart: int) -> Any:
        settings = {"rhs_dilation": (apart,), "dimension_numbers": ("NWC", "OWI", "NWC")}
        return lax.conv_general_dilated(x, W, (1,), [(apart, 0)], **settings) + b

    def linear_steps(self, W: Any, b: Any, x: Any) -> Any:
        return x @ W.T + b

    def batch_norm(self, g: Any, b: Any, x: Any) -> Any:
        if not self.training:
            return x / jnp.sqrt(1 + 1e-5) * g + b
        return normal(x, (0, 1, 2)) * g + b

    def layer_norm(self, g: Any, b: Any, x: Any) -> Any:
        return normal(x, (-1,)) * g + b

    def group_norm(self, g: Any, b: Any, x: Any) -> Any:
        groups = x.reshape(*x.shape[:3], 8, -1)
        return normal(groups, (1, 2, 4)).reshape(x.shape) * g + b

    def attention(self, qkv: Any, heads: int, causal: bool) -> Any:
        n, t, width = qkv.shape
        q, k, v = jnp.moveaxis(qkv.reshape(n, t, 3, heads, -1), 2, 0)
        return jax.nn.dot_product_attention(q, k, v, is_causal=causal).reshape(n, t, width // 3)

    def join(self, x: Any, y: Any) -> Any:
        return jnp.concatenate([x, y], -1)

    def halves(self, x: Any) -> tuple[Any, Any]:
        a, b = jnp.split(x, 2, -1)
        return a, b

    def pixels(self, x: Any) -> Any:
        return x.reshape(x.shape[0], -1, x.shape[-1])

    def image(self, x: Any, like: Any) -> Any:
        return x.reshape(like.shape)

    def everywhere(self, e: Any) -> Any:
        return e[:, None, None]

    def twice(self, x: Any) -> Any:
        return x.repeat(2, 1).repeat(2, 2)

    def mean(self, x: Any) -> Any:
        return x.mean((1, 2))

    def waves(self, t: Any) -> Any:
        angles = t[:, None] * jnp.exp(jnp.arange(32) * -0.2878231366242557)
        return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], 1)

    def sound(self, x: Any) -> Any:
        return x

    def steps(self, x: Any) -> Any:
        return x


def normal(x: Any, axes: tuple[int, ...]) -> Any:
    """Mean 0 and variance 1 over these axes."""
    d = x - x.mean(axes, keepdims=True)
    return d * lax.rsqrt((d * d).mean(axes, keepdims=True) + 1e-5)
