"""Derived gradients beside the closed forms that were published, each written as a spec: the same
graph by the laws of real numbers, and equal numbers on both targets.
"""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.graph import Graph
from gradc_compiler.pipeline import compilation
from gradc_compiler.study.same_graph import equal_outputs

INPUTS = {
    "softmax with cross-entropy": "x : [50], y : class(50)",
    "layer norm": "x : [60], w : [60]",
    "attention": "q : [4, 3], k : [4, 3], v : [4, 3], g : [4, 3]",
    "lstm": "i : [3], r : [3], g : [3], o : [3], c : [3]",
}
DERIVED = {
    "softmax with cross-entropy": "grad(cross_entropy(x, y), x)",
    "layer norm": "grad(sum((x |> normed) * w), x)",
    "attention": "grad(sum((softmax(q @ transpose(k)) @ v) * g), (q, k, v))",
    "lstm": "grad(sum(sigmoid(o) * tanh(sigmoid(r) * c + sigmoid(i) * tanh(g))), (c, r, i, g, o))",
}
PUBLISHED = {
    "softmax with cross-entropy": "softmax(x) - one_hot(y, 50)",  # Bridle, 1990
    "layer norm": """c = x - mean(x)
        s = sqrt(mean(c^2) + 1e-5)
        n = c / s
        (w - mean(w) - n * mean(w * n)) / s""",  # Ba, Kiros & Hinton, 2016
    "attention": """p = softmax(q @ transpose(k))
        dp = g @ transpose(v)
        ds = p * (dp - contract(i, 0 < 1 : dp[i, j] * p[i, j]))
        (ds @ k, transpose(ds) @ q, transpose(p) @ g)""",  # Dao et al., 2022, appendix B
    "lstm": """a = sigmoid(i); t = tanh(g); f = sigmoid(r); u = tanh(f * c + a * t)
        dc = sigmoid(o) * (1 - u * u)
        (dc * f, dc * c * (f * (1 - f)), dc * t * (a * (1 - a)), dc * a * (1 - t * t),
         u * (sigmoid(o) * (1 - sigmoid(o))))""",  # Graves, 2012
}
WRONG = {  # what a slip of the pen leaves
    "softmax with cross-entropy": ("- one_hot", "+ one_hot"),
    "layer norm": ("- mean(w) ", ""),
    "attention": ("dp[i, j] * p[i, j]", "dp[i, j] * p[j, i]"),
    "lstm": ("dc * f,", "dc * a,"),
}
NORMED = """
layer normed(x : [n]) -> [n] { c = x - mean(x)
    c / sqrt(mean(c^2) + 1e-5) }
"""


def spec(name: str, body: str) -> str:
    return f"{NORMED}model f({INPUTS[name]}) {{\n        {body}\n}}\n"


def graph_of(name: str, body: str) -> Graph:
    made = compilation(Source("f.nn", spec(name, body)), ".", {})
    return made.optimised["forward/f"]


def drawn(name: str, batch: int = 3) -> dict[str, np.ndarray]:
    rng, found = np.random.default_rng(0), {}
    for key, type in (one.split(" : ") for one in INPUTS[name].replace("], ", "]; ").split("; ")):
        if type.startswith("class"):
            found[key] = rng.integers(0, 50, size=batch)
        else:
            found[key] = rng.normal(size=(batch, *map(int, type.strip("[]").split(", "))))
    return found


@pytest.mark.parametrize("name", INPUTS)
def test_the_graph_is_the_closed_form(name: str) -> None:
    derived, published = (graph_of(name, body[name]) for body in (DERIVED, PUBLISHED))
    everything = {*derived.results} == {*published.results}
    assert everything and equal_outputs(derived, published, real=True) == {*derived.results}


@pytest.mark.parametrize("name", INPUTS)
def test_a_slip_of_the_pen_is_told_apart(name: str) -> None:
    old, new = WRONG[name]
    assert old in PUBLISHED[name]
    derived = graph_of(name, DERIVED[name])
    wrong = graph_of(name, PUBLISHED[name].replace(old, new, 1))
    assert equal_outputs(derived, wrong, real=True) < {*derived.results}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_the_numbers_are_those_of_the_closed_form(name: str, target: str) -> None:
    given, found = drawn(name), []
    for body in (DERIVED[name], PUBLISHED[name]):
        program = gradc.compile_source(spec(name, body))
        session = gradc.Session(program, target=target, dtype="float64", threads=2)
        result = session.run("f", **given)
        found.append(list(result.values()) if isinstance(result, dict) else [result])
    for derived, published in zip(*found, strict=True):
        np.testing.assert_allclose(derived, published, rtol=1e-10, atol=1e-13)


def test_the_graph_of_an_lstm_is_the_closed_form_to_the_last_node() -> None:
    """Nothing but the order of sums and products differs, so this one is exact."""
    derived, published = (graph_of("lstm", body["lstm"]) for body in (DERIVED, PUBLISHED))
    assert equal_outputs(derived, published) == {*derived.results}
