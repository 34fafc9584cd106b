"""Layers and functions of the language in ONNX: the operator that each becomes, and its numbers."""

from __future__ import annotations

import pytest

import gradc
from tests.onnx.exporting import require_equal

IMAGE = "x : [7, 6, 4]"
CASES = {  # arguments, result, body, and an operator that must be there
    "conv, strided": (IMAGE, "[4, 3, 5]", "x |> conv(5, 3x3, stride = 2)", "Conv"),
    "conv, valid": (IMAGE, "[5, 3, 5]", "x |> conv(5, 3x4, pad = valid)", "Conv"),
    "conv, dilated": (IMAGE, "[7, 6, 2]", "x |> conv(2, 3x3, dilation = 2x1)", "Conv"),
    "conv, padded": (IMAGE, "[8, 5, 2]", "x |> conv(2, 3x3, pad = (2, 1, 1, 0))", "Conv"),
    "conv, in groups": (IMAGE, "[7, 6, 6]", "x |> conv(6, 3x3, groups = 2)", "Conv"),
    "conv, each channel": (IMAGE, "[7, 6, 4]", "x |> conv(4, 3x3, groups = 4)", "Conv"),
    "conv, of one pixel": (IMAGE, "[7, 6, 3]", "x |> conv(3, 1x1)", "Conv"),
    "conv, far apart": (IMAGE, "[2, 2, 3]", "x |> conv(3, 2x2, stride = 4, pad = valid)", "Conv"),
    "windows begun late": (
        IMAGE, "[2, 6, 3]",
        "param W : [3, 2, 1, 4] ~ he_normal\n"
        "    contract(y < 2, v < 6, f : x[2*y + i + 1, v + j, k] * W[f, i, j, k])", "Conv",
    ),
    "transposed": (
        IMAGE, "[14, 12, 3]", "x |> conv_transpose(3, 3x3, stride = 2)", "ConvTranspose"
    ),
    "transposed, valid": (
        IMAGE, "[9, 8, 2]", "x |> conv_transpose(2, 3x3, pad = valid)", "ConvTranspose"
    ),
    "transposed, with extra": (
        IMAGE, "[16, 14, 2]",
        "x |> conv_transpose(2, 3x3, stride = 2, pad = valid, extra = 1)", "ConvTranspose",
    ),
    "max_pool": (IMAGE, "[3, 3, 4]", "x |> max_pool(2x2)", "MaxPool"),
    "max_pool, overlapping": (IMAGE, "[3, 2, 4]", "x |> max_pool(3x3, stride = 2)", "MaxPool"),
    "max_pool, padded": (
        IMAGE, "[4, 3, 4]", "x |> max_pool(3x3, stride = 2, pad = same)", "ReduceMax"
    ),
    "avg_pool": (IMAGE, "[3, 3, 4]", "x |> avg_pool(2x2)", "ReduceSum"),
    "avg_pool, padded": (IMAGE, "[7, 6, 4]", "x |> avg_pool(3x3, stride = 1, pad = same)", "Div"),
    "batch_norm": (IMAGE, "[7, 6, 4]", "x |> batch_norm", "Sqrt"),
    "layer_norm": (IMAGE, "[7, 6, 4]", "x |> layer_norm", "Sqrt"),
    "attention": ("x : [5, 8]", "[5, 8]", "x |> multi_head_attention(2)", "MatMul"),
    "attention, causal": (
        "x : [5, 8]", "[5, 8]", "x |> multi_head_attention(2, causal = true)", "Where"
    ),
    "softmax": ("x : [5]", "[5]", "softmax(x)", "Exp"),
    "two of each example": ("a : [3, 4], b : [4, 5]", "[3, 5]", "a @ b", "MatMul"),
    "an outer product": ("a : [3], b : [4]", "[3, 4]", "contract(i, j : a[i] * b[j])", "Mul"),
    "a trace": ("x : [4, 4]", "scalar", "contract( : x[i, i])", "Einsum"),
    "a stripe": ("x : [4, 5]", "[4]", "contract(i < 4 : x[i, i + 1])", "Einsum"),
    "reversed": ("x : [4, 5]", "[4]", "contract(i < 4 : x[3 - i, 2])", "Gather"),
    "put apart": ("x : [3]", "[7]", "contract(2*i + 1 < 7 : x[i])", "MatMul"),
    "of three": (
        "a : [3, 2], b : [2, 4], c : [4, 3]", "scalar",
        "contract( : a[i, j] * b[j, k] * c[k, i])", "Einsum",
    ),
    "sorted": ("x : [3, 5]", "[3, 5]", "sort(x)", "TopK"),
    "running sums": ("x : [3, 5]", "[3, 5]", "cumsum(x, axis = 1, backwards = true)", "CumSum"),
    "rows of a table": (
        "i : class(4)", "[3]", "param W : [4, 3] ~ normal(0, 1)\n    W[i]", "Gather"
    ),
    "its own table": ("x : [4, 3], i : class(4)", "[3]", "x[i]", "GatherND"),
    "put at rows": (
        "x : [2, 3], y : [2, 4]", "[4, 3]", "scatter(x, argmax(y), 4)", "ScatterElements"
    ),
    "one of ten": ("i : class(10)", "[10]", "one_hot(i)", "Equal"),
    "quotients": ("x : [5], y : [5]", "[5]", "x // (0.5 + y * y) + x % (-0.3)", "quotient"),
    "near 0": ("x : [5]", "[5]", "expm1(1e-6 * x) + log1p(1e-6 * x * x) * 1e3", "expm1"),
    "gamma": (
        "x : [5]", "[5]", "lgamma(x) + digamma(x * x + 0.5) + polygamma(1, x * x + 1)", "lgamma"
    ),
    "powers": ("x : [5]", "[5]", "(0.1 + x * x) ^ x + sign(x) * floor(3 * x)", "Pow"),
    "choices": ("x : [5], y : [5]", "[5]", "where(x > y, maximum(x, 0), minimum(y, x))", "Where"),
    "the same for all": ("x : [5]", "[2]", "param p : [2] ~ normal(0, 1)\n    sin(p)", "Expand"),
    "a batch": ("x : [5]", "[5]", "x - batch_mean(x)", "ReduceMean"),
    "of no size": ("x : [0, 3]", "[3]", "sum(x, axis = 0)", "ReduceSum"),
    "a slope": ("x : [3]", "[3]", "grad(sum(tanh(x)^2), x)", "Tanh"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_layer(case: str) -> None:
    given, result, body, operator = CASES[case]
    text = f"model f({given}) -> {result} {{\n    {body}\n}}\n"
    session = gradc.Session(gradc.compile_source(text), target="reference", seed=2)
    file = require_equal(session, "f", (1, 3))
    assert operator in [node.op_type for node in file.graph.node]


def test_names_that_meet() -> None:
    """An input may be called as what a file needs is: each gets a name of its own."""
    text = """
    model batch(seed : [3], examples : seq(n) [3]) -> (step : [3], batch : seq(n) [3]) {
        noise e : [3] ~ normal(0, 1)
        (seed + e, examples + e)
    }
    """
    session = gradc.Session(gradc.compile_source(text), threads=1, seed=2)
    file = require_equal(session, "batch", (1, 3))
    given = [value.name for value in file.graph.input]
    assert given == ["seed", "examples", "length/n"]
    assert {"seed_2", "step_2"} <= {tensor.name for tensor in file.graph.initializer}
