"""Convolutions and pools against loops over every place and window."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from tests.compiler.prelude.cases import LAYERS, layer_module, numbers

# name -> kernel, stride, dilation, ((above, below), (left, right)), groups
WINDOWS = {
    "conv": ((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), 1),
    "conv even strided": ((4, 2), (2, 3), (1, 1), ((1, 2), (0, 1)), 1),
    "conv valid": ((2, 3), (2, 2), (1, 1), ((0, 0), (0, 0)), 1),
    "conv padded": ((3, 2), (1, 1), (1, 1), ((1, 1), (1, 1)), 1),
    "conv padded by pair": ((3, 4), (1, 1), (1, 1), ((1, 1), (2, 2)), 1),
    "conv padded by four": ((3, 2), (1, 1), (1, 1), ((2, 0), (1, 3)), 1),
    "conv dilated": ((3, 2), (1, 1), (2, 3), ((2, 2), (2, 2)), 1),
    "conv grouped": ((3, 2), (1, 2), (1, 1), ((1, 1), (1, 1)), 2),
    "conv depthwise": ((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), 3),
    "max_pool": ((2, 3), (2, 3), (1, 1), ((0, 0), (0, 0)), 1),
    "max_pool same": ((3, 2), (2, 2), (1, 1), ((1, 1), (0, 1)), 1),
    "max_pool padded": ((3, 3), (2, 1), (1, 1), ((1, 1), (1, 1)), 1),
    "avg_pool": ((2, 3), (2, 3), (1, 1), ((0, 0), (0, 0)), 1),
    "avg_pool same": ((3, 2), (2, 2), (1, 1), ((1, 1), (0, 1)), 1),
    "avg_pool padded": ((3, 3), (2, 1), (1, 1), ((1, 1), (1, 1)), 1),
}
# name -> kernel, stride, dilation, (top, left), size
SPREAD = {
    "conv_transpose": ((3, 3), (1, 1), (1, 1), (1, 1), (3, 4)),
    "conv_transpose same": ((4, 3), (2, 2), (1, 1), (1, 0), (6, 8)),
    "conv_transpose valid": ((2, 3), (2, 1), (1, 1), (0, 0), (6, 6)),
    "conv_transpose padded": ((3, 4), (3, 2), (2, 1), (1, 2), (10, 6)),
}


def run(name: str) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """The image, the layer's parameters, and its result."""
    graph = layer_module(name).forward("f")
    values = numbers(graph, 1, s=np.ones(1))
    weights = {key.split(".")[-1]: value for key, value in values.items()}
    return weights["x"], weights, evaluate(graph, values, 1)["result"][0]


def windows_of(name: str, image: np.ndarray, outside: float):
    """Each output place and the window it sees: [kh, kw, c]."""
    (kh, kw), (sy, sx), (dy, dx), around, _ = WINDOWS[name]
    padded = np.pad(image, (*around, (0, 0)), constant_values=outside)
    rows = range(0, padded.shape[0] - dy * (kh - 1), sy)
    columns = range(0, padded.shape[1] - dx * (kw - 1), sx)
    for (y, top), (x, left) in product(enumerate(rows), enumerate(columns)):
        yield (y, x), padded[top : top + dy * kh : dy, left : left + dx * kw : dx][:kh, :kw]


@pytest.mark.parametrize("name", [n for n in WINDOWS if n.startswith("conv")])
def test_convolution_is_a_loop_over_windows(name):
    image, weights, result = run(name)
    W, b = weights["W"], weights["b"]
    groups = WINDOWS[name][4]
    each, seen = len(W) // groups, image.shape[-1] // groups
    places = list(windows_of(name, image, 0.0))
    assert result.shape[:2] == tuple(n + 1 for n in places[-1][0])
    for place, window in places:
        for f in range(len(W)):
            g = f // each
            wanted = np.sum(window[..., g * seen : (g + 1) * seen] * W[f]) + b[f]
            np.testing.assert_allclose(result[place][f], wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in WINDOWS if "pool" in n])
def test_pool_is_a_loop_over_windows(name):
    image, _, result = run(name)
    reduce = np.nanmax if name.startswith("max") else np.nanmean
    places = list(windows_of(name, image, np.nan))
    assert result.shape[:2] == tuple(n + 1 for n in places[-1][0])
    for place, window in places:
        np.testing.assert_allclose(result[place], reduce(window, axis=(0, 1)), rtol=1e-12)


@pytest.mark.parametrize("name", SPREAD)
def test_transposed_convolution_spreads_every_number(name):
    image, weights, result = run(name)
    W = weights["W"]
    (kh, kw), (sy, sx), (dy, dx), (top, left), size = SPREAD[name]
    wanted = np.zeros((*size, len(W))) + weights["b"]
    for y, x, i, j in product(*map(range, (*image.shape[:2], kh, kw))):
        at = sy * y + dy * i - top, sx * x + dx * j - left
        if 0 <= at[0] < size[0] and 0 <= at[1] < size[1]:
            wanted[at] += W[:, i, j] @ image[y, x]
    np.testing.assert_allclose(result, wanted, rtol=1e-10, atol=1e-12)


def test_every_window_layer_is_covered():
    names = {n for n in LAYERS if n.startswith(("conv", "max_pool", "avg_pool"))}
    assert names == {*WINDOWS, *SPREAD}


@pytest.mark.parametrize(("nested", "flat"), [
    ("((1, 0), (0, 1))", "(1, 0, 0, 1)"), ("((1, 0), 1)", "(1, 0, 1, 1)"),
    ("(2, (1, 0))", "(2, 2, 1, 0)"),
])  # fmt: skip
def test_zeros_may_be_pairs_of_pairs(nested, flat):
    image = np.random.default_rng(0).standard_normal((2, 6, 6, 1))
    spec = "model f(x : [6, 6, 1]) { x |> max_pool(3x3, stride = 2, pad = PAD) }"
    found, wanted = (
        Session(compile_source(spec.replace("PAD", pad)), "reference").run("f", x=image)
        for pad in (nested, flat)
    )
    np.testing.assert_array_equal(found, wanted)


def test_a_wrong_number_of_zeros_is_said_in_its_own_words():
    spec = "model f(x : [6, 6, 1]) { x |> max_pool(2x2, pad = ((1, 0), -2)) }"
    with pytest.raises(CompileError, match="columns of zeros are 0 or more, not -2"):
        compile_source(spec)
