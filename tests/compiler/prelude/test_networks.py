"""Layers of the prelude put together: whole networks, a step at a time, natively."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError
from tests.compiler.prelude.cases import assert_gradient, module_of, numbers

CONVOLUTIONAL = """
    layer residual(c)(x : [h, w, c]) -> [h, w, c] {
        x + (x |> batch_norm |> relu |> conv(c, 3x3, groups = 2))
    }
    model net(x : [7, 5, 2]) -> [3] {
        x |> conv(4, 3x2, stride = 2x1) |> residual(4) |> max_pool(2x2, pad = same)
        |> dropout(0.2) |> flatten |> dense(3)
    }
    data d(x : [7, 5, 2], label : class(3)) = line()
    train on d {
        minimize cross_entropy(net(x), label) + 1e-3 * l2(net)
        using adamw(lr = warmup(cosine(0.1, 100), 10)), clip(norm = 1)
    }
"""
TRANSFORMER = """
    layer block(heads)(x : [t, d]) -> [t, d] {
        y = x + (x |> layer_norm |> multi_head_attention(heads, causal = true))
        y + (y |> layer_norm |> each(dense(2 * d) |> gelu |> dense(d)))
    }
    model net(a : class(5), b : class(5), c : class(5)) -> [3, 5] {
        table = embedding(5, 4)
        stack(table(a), table(b), table(c)) |> block(2) |> each(dense(5))
    }
    data d(a : class(5), b : class(5), c : class(5), next : class(5)) = line()
    train on d {
        y = net(a, b, c)
        minimize cross_entropy(y[0], b) + cross_entropy(y[1], c) + cross_entropy(y[2], next)
        using adam(lr = warmup(0.1, 10))
    }
"""
NETWORKS = {"convolutional": CONVOLUTIONAL, "transformer": TRANSFORMER}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_agrees_with_differences(name):
    graph = module_of(NETWORKS[name]).gradients("train")
    assert_gradient(graph, numbers(graph), directions=2)


@pytest.mark.parametrize("name", NETWORKS)
def test_native_step_agrees_with_the_reference(name, check_compiled):
    graph = module_of(NETWORKS[name]).step("train")
    values = numbers(graph, 3, step=np.array(5))
    values |= {key: np.abs(v) for key, v in values.items() if "/" in key}
    check_compiled(graph, batch=3, values=values, tolerance=1e-8)


MISUSES = {
    "x |> conv(4, 3)": "`kernel` of `conv` is 2 sizes such as 3x3",
    "x |> conv(4, 3x3, groups = 2)": "2 groups do not divide 3 and 4",
    "x |> conv(4, 9x9, pad = valid)": "a window over 9 does not fit into 5",
    "x |> conv(4, 3x3, pad = (1, 2, 3))": "1 or 2 numbers, not 3",
    "x |> conv(4, 3x3, pad = sane)": "`sane` is not defined",
    "x |> conv_transpose(4, 3x3, pad = 9)": "nothing is left of 7 but padding",
    "x |> max_pool(2)": "`window` of `max_pool` is 2 sizes such as 3x3",
    "x |> avg_pool(7x7)": "a window over 7 does not fit into 5",
    "x |> dense(3)": "takes x : [n], got [5, 4, 3]",
    "x |> dropout(1)": "`rate` of `dropout` is a number from 0 to below 1, got the number 1",
    "x |> flatten |> multi_head_attention(2)": "takes x : [t, d], got [60]",
    "reshape(x, [20, 3]) |> multi_head_attention(2)": "2 heads do not divide 3",
    "label |> embedding(6, 3)": "takes token : class(6), got class(7)",
}


@pytest.mark.parametrize("chain", MISUSES)
def test_misuse_is_shown_at_the_call(chain):
    with pytest.raises(CompileError) as caught:
        module_of(f"model net(x : [5, 4, 3], label : class(7)) {{ {chain} }}\n")
    first = caught.value.diagnostics[0]
    assert MISUSES[chain] in first.message
    assert first.primary.span.source.name == "spec.nn"
