"""The workloads in JAX: one jitted step with optax; the variant "scan" makes many steps a call.

"cuda" is the same where JAX finds a GPU.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax_networks import JaxNetwork
from layers import Convolution, Layer, Line, Network, Pool, Recurrence, Transformer
from workloads import Workload

# Of a scan's convolutions, and what is one step a call:
ONE_THREAD = ("W5-b32", "W5-b128", "W5-b512", "W6", "odd-cnn", "S", "VGG", "WaveNet", "DDPM")
VERSION = jax.__version__
OPTIMIZERS = {"adam": optax.adam, "sgd": optax.sgd, "momentum": partial(optax.sgd, momentum=0.9)}
Values = dict[str, list[list[Any]]]


def load(threads: int) -> None:
    """The driver sets XLA_FLAGS before this process starts."""


def covers(workload: Workload, variant: str) -> bool:
    """All but loops over convolutions, which XLA runs on one thread, and over long steps."""
    if variant == "cuda" and jax.default_backend() != "gpu":
        return False
    return variant != "scan" or not workload.name.startswith(ONE_THREAD)


def apply(layer: Layer, values: list[Any], x: Any) -> Any:
    """One layer; W has been turned to [inputs, units], or [rows, columns, channels, filters]."""
    match layer:
        case Line():
            return values[0] + values[1] * x
        case Recurrence():
            return recurrence(layer, values, x)
        case Transformer():
            return transformer(layer, values, x)
        case Pool():
            return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        case Convolution():
            padding = [(p, p) for p in layer.padding]
            axes = ("NHWC", "HWIO", "NHWC")
            y = lax.conv_general_dilated(
                x, values[0], layer.stride, padding, dimension_numbers=axes
            )
        case _:
            y = x.reshape(x.shape[0], -1) @ values[0]
    y = y + values[1]
    return {"relu": jax.nn.relu, "tanh": jnp.tanh}[layer.after](y) if layer.after else y


def recurrence(layer: Recurrence, values: list[Any], x: Any) -> Any:
    """The last state; the products with the input are one, before the scan."""
    W, U, b, *more = values
    seen = jnp.swapaxes(x, 0, 1) @ U + b
    zeros = jnp.zeros((x.shape[0], layer.units), x.dtype)

    def rnn(h: Any, s: Any) -> Any:
        return jnp.tanh(s + h @ W), None

    def lstm(hc: Any, s: Any) -> Any:
        i, f, g, o = jnp.split(s + hc[0] @ W, 4, 1)
        c = jax.nn.sigmoid(f) * hc[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), None if layer.last else h

    def gru(h: Any, s: Any) -> Any:
        (sr, sz, sn), (hr, hz, hn) = jnp.split(s, 3, 1), jnp.split(h @ W + more[0], 3, 1)
        r, z = jax.nn.sigmoid(sr + hr), jax.nn.sigmoid(sz + hz)
        return z * h + (1 - z) * jnp.tanh(sn + r * hn), None

    if layer.kind == "lstm":
        if not layer.last:
            return jnp.swapaxes(lax.scan(lstm, (zeros, zeros), seen)[1], 0, 1)
        return lax.scan(lstm, (zeros, zeros), seen)[0][0]
    return lax.scan(rnn if layer.kind == "rnn" else gru, zeros, seen)[0]


def transformer(layer: Transformer, values: list[Any], x: Any) -> Any:
    """The block."""
    E, P, g1, b1, Wqkv, bqkv, Wo, bo, g2, b2, W1, c1, W2, c2, g3, b3, Wu, bu = values
    d, heads, (n, t) = layer.width, layer.heads, x.shape[:2]

    def norm(v: Any, g: Any, b: Any) -> Any:
        m = v - v.mean(-1, keepdims=True)
        return m * lax.rsqrt((m * m).mean(-1, keepdims=True) + 1e-5) * g + b

    h = x @ E + P
    qkv = (norm(h, g1, b1) @ Wqkv.T + bqkv).reshape(n, t, 3, heads, d // heads)
    q, k, v = jnp.moveaxis(qkv, 2, 0)
    s = jnp.einsum("bthe,bshe->bhts", q, k) * (d // heads) ** -0.5
    s = jnp.where(jnp.tril(jnp.ones((t, t), bool)), s, -jnp.inf)
    a = jnp.einsum("bhts,bshe->bthe", jax.nn.softmax(s, -1), v).reshape(n, t, d)
    h = h + a @ Wo.T + bo
    h = h + jax.nn.gelu(norm(h, g2, b2) @ W1.T + c1, approximate=True) @ W2.T + c2
    return norm(h, g3, b3) @ Wu.T + bu


class Run:
    """One workload."""

    def __init__(self, workload: Workload, scan: bool) -> None:
        self.workload = workload
        self.data = {k: jnp.asarray(v) for k, v in workload.data().items()}
        given = workload.start()
        values: Values = {
            name: [[turned(x, next(given)) for _ in x.shapes()] for x in layers]
            for name, layers in workload.parts.items()
        }
        self.optimizer = OPTIMIZERS[workload.optimizer](workload.rate)
        if workload.clip:
            self.optimizer = optax.chain(optax.clip_by_global_norm(workload.clip), self.optimizer)
        step = self.adversarial_step if workload.loss == "gan" else self.plain_step
        groups = list(values) if workload.loss == "gan" else [list(values)]
        states = [self.optimizer.init(pick(values, g)) for g in groups]
        self.carried = (values, states)
        self.one = jax.jit(step, donate_argnums=(0,))
        self.output = jax.jit(self.forward)
        self.steps = workload.at_once if scan else 1
        self.advance = self.step
        if scan:
            self.batches = {k: jnp.stack([v] * self.steps) for k, v in self.data.items()}
            self.several = jax.jit(lambda c, d: lax.scan(step, c, d), donate_argnums=(0,))
            self.advance = self.many

    def part(self, name: str, values: Values, x: Any, training: bool = False) -> Any:
        """A part of the network."""
        for layer, own in zip(self.workload.parts[name], values[name], strict=True):
            whole = isinstance(layer, Network)
            x = JaxNetwork(layer, own, training)(x) if whole else apply(layer, own, x)
        return x

    def forward(self, values: Values, d: Any, training: bool = False) -> Any:
        """What inference gives."""
        match self.workload.loss:
            case "vae":
                return self.decoded(values, d)[0]
            case "gan":
                return jnp.tanh(self.part("net", values, d["z1"]))
            case "noise":
                return self.part("net", values, (d["x"], d["t"]))
        return self.part("net", values, d["x"], training)

    def decoded(self, values: Values, d: Any) -> Any:
        """Of the VAE: the output, mu and log_var."""
        mu, log_var = jnp.split(self.part("encode", values, d["x"]), 2, 1)
        return self.part("decode", values, mu + jnp.exp(log_var / 2) * d["eps"]), mu, log_var

    def minimised(self, values: Values, d: Any) -> Any:
        """The loss of all workloads but the GAN's."""
        if self.workload.loss == "vae":
            y, mu, log_var = self.decoded(values, d)
            kl = (mu**2 + jnp.exp(log_var) - log_var - 1).sum(1).mean() / 2
            return ((y - d["x"]) ** 2).mean() + kl / 784
        y = self.forward(values, d, True)
        if self.workload.loss == "each":
            return -(d["y"] * jax.nn.log_softmax(y)).sum(-1).mean()
        if self.workload.loss in ("squares", "fit", "noise"):
            return ((y - d["x" if self.workload.loss == "squares" else "y"]) ** 2).mean()
        return optax.softmax_cross_entropy_with_integer_labels(y, d["y"]).mean()

    def plain_step(self, carried: Any, d: Any) -> Any:
        """One step of one loss over all parameters."""
        values, (state,) = carried
        loss, gradient = jax.value_and_grad(self.minimised)(values, d)
        change, state = self.optimizer.update(gradient, state, values)
        return (optax.apply_updates(values, change), [state]), loss

    def adversarial_step(self, carried: Any, d: Any) -> Any:
        """A step of the discriminator, then one of the generator."""
        values, states = carried
        softplus, count = jax.nn.softplus, self.workload.batch
        net, judge = values["net"], values["judge"]

        def first(judge: Any) -> Any:
            made = jnp.tanh(self.part("net", values, d["z1"]))
            scores = self.part("judge", {"judge": judge}, jnp.concatenate([d["x"], made]))
            return softplus(-scores[:count]).mean() + softplus(scores[count:]).mean()

        def second(net: Any) -> Any:
            made = jnp.tanh(self.part("net", {"net": net}, d["z2"]))
            return softplus(-self.part("judge", {"judge": judge}, made)).mean()

        one, gradient = jax.value_and_grad(first)(judge)
        change, states[1] = self.optimizer.update(gradient, states[1], judge)
        judge = optax.apply_updates(judge, change)
        two, gradient = jax.value_and_grad(second)(net)
        change, states[0] = self.optimizer.update(gradient, states[0], net)
        net = optax.apply_updates(net, change)
        return ({"net": net, "judge": judge}, states), one + two

    def step(self) -> Any:
        """One step."""
        self.carried, loss = self.one(self.carried, self.data)
        return loss

    def many(self) -> Any:
        """Several steps in one call."""
        self.carried, losses = self.several(self.carried, self.batches)
        return losses

    def infer(self) -> Any:
        """The output."""
        return self.output(self.carried[0], self.data)

    def wait(self, token: Any) -> None:
        """Until the numbers are there."""
        token.block_until_ready()

    def loss(self, token: Any) -> float:
        """The number."""
        return float(token)

    def numbers(self, token: Any) -> np.ndarray:
        """Copied."""
        return np.asarray(token)


def turned(layer: Layer, value: Any) -> Any:
    """Units last, but in a transformer or a whole network, which turn their own."""
    if isinstance(layer, Transformer | Network):
        return jnp.asarray(value)
    return jnp.asarray(value if value.ndim < 2 else jnp.moveaxis(jnp.asarray(value), 0, -1))


def pick(values: Values, group: Any) -> Any:
    """The values that one optimizer moves."""
    return values[group] if isinstance(group, str) else {k: values[k] for k in group}


def build(workload: Workload, variant: str) -> Run:
    """A run."""
    return Run(workload, variant == "scan")
