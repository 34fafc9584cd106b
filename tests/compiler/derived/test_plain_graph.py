"""The forms that a derived program is printed in: exact, short, and the author's."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.derived.plain_graph import doubled, plain
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import compilation
from tests.compiler.derived.test_derived import CASES, SPECS

READ = ("house.nn", "mnist_cnn.nn", "row_digits.nn", "vae.nn", "gan.nn")


def printed(name: str) -> str:
    return print_program(compilation(Source(name, CASES[name]), SPECS, {}, ()))


@pytest.mark.parametrize("factor", [1e-6, 0.1, -3.0, 1e-38, 3e38])
def test_doubling_rounds_nothing(factor: float) -> None:
    """x + x as 2 x, and c x + c x as (2 c) x, to the bit in both widths; huge factors are left."""
    b = Builder()
    x = b.add(Input("x", (64,)))
    term = x * factor
    graph = b.graph({"y": (term + term).id, "z": (x + x).id})
    after = doubled(graph)
    assert [after[after.outputs[k]].op.name for k in "yz"] == ["mul", "mul"]
    values = {"x": np.random.default_rng(0).standard_normal((1, 64)).astype(np.float32)}
    for width in ("float32", "float64"):
        one, other = (evaluate(g, values, 1, width) for g in (graph, after))
        for key in "yz":
            np.testing.assert_array_equal(one[key], other[key])


@pytest.mark.parametrize("name", READ)
def test_lines_are_short(name: str) -> None:
    long = [line for line in printed(name).splitlines() if len(line) > 110]
    assert not long, long


def test_a_layer_is_one_line_and_its_derivative_two() -> None:
    text = printed("mnist_cnn.nn")
    assert "c18 = dense1.W @ c16 + dense1.b " in text
    assert "d_c16 = d_c18 @ dense1.W " in text
    assert "batch_mean(contract(i < 10, j < 32 : d_c18[i] * c16[j]))" in text
    assert "v84" not in text and "2e-06 * dense1.b + batch_mean(d_c18)" in text


def test_contractions_have_the_words_of_the_language() -> None:
    assert "c7 = gates[0] " in printed("row_digits.nn")
    text = printed("transformer.nn")
    assert "transpose(block1.multi_head_attention1.Q)" in text and "sum(c5, axis = 1)" in text


def test_equal_graphs_stay_as_they_are() -> None:
    made = compilation(Source("house.nn", CASES["house.nn"]), SPECS, {}, ())
    graph = made.module.forward("price")
    assert plain(graph) == graph
