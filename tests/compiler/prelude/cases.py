"""What the tests of the prelude share: small networks around one definition, and their numbers.

A layer stands between a parameter `x` of a model and a loss, so that one graph holds its value and
the derivative by its input and by all its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.elaborate import Module, elaborate
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import Role, Tagged, of_role
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.syntax.parse.parse import parse
from tests.support.graphs import Values, sample_values

Array = NDArray[Any]

LAYERS = {  # name -> what x is, and the layer; sizes are odd on purpose
    "dense": ("[5]", "dense(3)"),
    "flatten": ("[2, 3, 1]", "flatten"),
    "as": ("[2, 3]", "as([3, 1, 2])"),
    "dropout": ("[3, 5]", "dropout(0.3)"),
    "conv": ("[5, 7, 3]", "conv(2, 3x3)"),
    "conv even strided": ("[5, 7, 2]", "conv(3, 4x2, stride = 2x3)"),
    "conv valid": ("[5, 7, 2]", "conv(3, 2x3, stride = 2, pad = valid)"),
    "conv padded": ("[4, 5, 2]", "conv(3, 3x2, pad = 1)"),
    "conv padded by pair": ("[4, 5, 2]", "conv(3, 3x4, pad = (1, 2))"),
    "conv padded by four": ("[4, 5, 2]", "conv(3, 3x2, pad = [2, 0, 1, 3])"),
    "conv dilated": ("[7, 9, 2]", "conv(3, 3x2, dilation = 2x3, pad = 2)"),
    "conv grouped": ("[5, 4, 6]", "conv(4, 3x2, stride = 1x2, pad = 1, groups = 2)"),
    "conv depthwise": ("[5, 4, 3]", "conv(6, 3x3, pad = 1, groups = 3)"),
    "conv_transpose": ("[3, 4, 3]", "conv_transpose(2, 3x3)"),
    "conv_transpose same": ("[3, 4, 2]", "conv_transpose(3, 4x3, stride = 2)"),
    "conv_transpose valid": ("[3, 4, 2]", "conv_transpose(3, 2x3, stride = 2x1, pad = valid)"),
    "conv_transpose padded": (
        "[3, 4, 2]",
        "conv_transpose(3, 3x4, stride = 3x2, pad = (1, 2), dilation = 2x1, extra = 1x0)",
    ),
    "max_pool": ("[5, 7, 3]", "max_pool(2x3)"),
    "max_pool same": ("[5, 7, 2]", "max_pool(3x2, stride = 2, pad = same)"),
    "max_pool padded": ("[5, 7, 2]", "max_pool(3x3, stride = 2x1, pad = 1)"),
    "avg_pool": ("[5, 7, 3]", "avg_pool(2x3)"),
    "avg_pool same": ("[5, 7, 2]", "avg_pool(3x2, stride = 2, pad = same)"),
    "avg_pool padded": ("[5, 7, 2]", "avg_pool(3x3, stride = 2x1, pad = 1)"),
    "sigmoid": ("[7]", "sigmoid"),
    "tanh": ("[7]", "tanh"),
    "relu": ("[7]", "relu"),
    "leaky_relu": ("[2, 3]", "leaky_relu(0.2)"),
    "softplus": ("[7]", "softplus"),
    "swish": ("[7]", "swish"),
    "silu": ("[]", "silu"),
    "gelu": ("[7]", "gelu"),
    "elu": ("[7]", "elu(alpha = 1.5)"),
    "softsign": ("[7]", "softsign"),
    "softmax": ("[2, 3, 5]", "softmax"),
    "log_softmax": ("[3, 5]", "log_softmax"),
    "logsumexp": ("[3, 5]", "logsumexp"),
    "sort": ("[3, 5]", "sort"),
    "batch_norm": ("[5]", "batch_norm"),
    "batch_norm of an image": ("[2, 3, 4]", "batch_norm(momentum = 0.3)"),
    "layer_norm": ("[3, 5]", "layer_norm"),
    "multi_head_attention": ("[5, 6]", "multi_head_attention(2)"),
    "multi_head_attention causal": ("[4, 6]", "multi_head_attention(3, causal = true)"),
}
KINKED = ("max_pool", "relu", "leaky_relu", "elu", "batch_norm")  # or one over the whole batch
SMOOTH = [name for name in LAYERS if not name.startswith(KINKED)]
ACTIVATIONS = (
    "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "swish", "silu", "gelu", "elu",
    "softsign",
)  # fmt: skip
COMPILED = [  # one of each kind; native code takes long to make
    "dense", "dropout", "conv", "conv even strided", "conv padded by four", "conv dilated",
    "conv grouped", "conv depthwise", "conv_transpose same", "conv_transpose padded",
    "max_pool same", "avg_pool same", "softmax", "log_softmax", "logsumexp",
    "batch_norm of an image", "layer_norm", "multi_head_attention causal",
]  # fmt: skip
LOSSES = {  # of net(s) : [5] with fields s : scalar, y : [5] and label : class(5)
    "squared_error": "squared_error(net(s), y)",
    "mean_squared_error": "mean_squared_error(net(s), y)",
    "absolute_error": "absolute_error(net(s), y)",
    "huber": "huber(net(s), y)",
    "huber 0.5": "huber(net(s), y, delta = 0.5)",
    "cross_entropy": "cross_entropy(net(s), label)",
    "bce_logits": "bce_logits(net(s), sigmoid(y))",
    "bce": "bce(sigmoid(net(s)), sigmoid(y))",
    "kl_unit_normal": "kl_unit_normal(net(s), y * net(s))",
    "norm": "norm(net(s) - y)",
    "l1": "l1(net) * s^2",
    "l2": "l2(net) * s^2",
}


@cache
def module_of(text: str) -> Module:
    """A spec, elaborated."""
    source = Source("spec.nn", text)
    return elaborate(parse(source), source, directory=None)


def layer_module(name: str, loss: str = "sum(sin(2 * y))") -> Module:
    """`f(s) = layer(s * x)`, trained on a loss of its result y."""
    type, layer = LAYERS[name]
    return module_of(f"""
        model f(s : scalar) {{
            param x : {type} ~ normal(0, 1)
            (s * x) |> {layer}
        }}
        data d(s : scalar) = line()
        train on d {{
            y = f(s)
            minimize {loss}
            using sgd(lr = 0.1)
        }}
    """)


def loss_module(expression: str, using: str = "sgd(lr = 0.1)", parameter: str = "[5]") -> Module:
    """`net(s) = s * w`, trained on a loss."""
    return module_of(f"""
        model net(s : scalar) {{
            param w : {parameter} ~ normal(0, 1)
            s * w
        }}
        data d(s : scalar, y : [5], label : class(5)) = line()
        train on d {{ minimize {expression}
            using {using}
        }}
    """)


def initial(text: str, shape: str, seed: int = 0, name: str = "w") -> Array:
    """The first value of a parameter `name : shape text`."""
    module = module_of(f"model net() {{\n param {name} : {shape} {text}\n {name}\n}}\n")
    counters = {"seed": np.array(seed), "step": np.array(0)}
    return evaluate(module.parameters[0].initial, counters)["value"]


def numbers(graph: Graph, batch: int = 3, **given: Array) -> Values:
    """Numbers for everything a graph reads, some of them given."""
    return sample_values(graph, batch) | given


def assert_gradient(graph: Graph, values: Values, batch: int = 3, directions: int = 4) -> None:
    """Along random directions through all parameters, slope and gradient agree to 1e-6."""
    rng = np.random.default_rng(1)
    found = evaluate(graph, values, batch)
    names = list(of_role(Role.GRADIENT, found))
    assert names, "the step moves a parameter"
    for _ in range(directions):
        along = {n: rng.normal(size=values[n].shape) for n in names}
        wanted = sum(float(np.sum(found[Tagged(Role.GRADIENT, n)] * along[n])) for n in names)
        slope = slope_along(graph, values, along, batch)
        np.testing.assert_allclose(slope, wanted, rtol=1e-6, atol=1e-6)


def slope_along(graph: Graph, values: Values, along: Mapping[str, Array], batch: int) -> float:
    """Central difference of the loss."""
    step = 1e-5
    ahead, behind = (
        evaluate(graph, values | {n: values[n] + h * v for n, v in along.items()}, batch)["loss"]
        for h in (step, -step)
    )
    return float(ahead - behind) / (2 * step)
