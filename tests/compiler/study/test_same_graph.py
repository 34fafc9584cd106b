"""Two spellings that are one graph, and derived gradients that are published closed forms."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.graph import Graph
from gradc_compiler.pipeline import compilation
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.study.same_graph import equal_outputs, with_names

LSTM = """model f(i : [3], r : [3], g : [3], o : [3], c : [3]) -> ([3], [3], [3], [3], [3]) {{
    t = tanh(sigmoid(r) * c + sigmoid(i) * tanh(g))
    {body}
}}"""
LSTM_CLOSED = """dc = sigmoid(o) * (1 - t * t)
    di = (dc * tanh(g)) * (sigmoid(i) * (1 - sigmoid(i)))
    dr = (dc * c) * (sigmoid(r) * (1 - sigmoid(r)))
    dg = (dc * sigmoid(i)) * (1 - tanh(g) * tanh(g))
    do = t * (sigmoid(o) * (1 - sigmoid(o)))
    (di, dr, dg, do, dc * sigmoid(r))"""
SHAPE = "[4, 3]"
THREE = f"({SHAPE}, {SHAPE}, {SHAPE})"
ATTENTION = f"""model f(q : {SHAPE}, k : {SHAPE}, v : {SHAPE}, g : {SHAPE}) -> {THREE} {{{{
    e = exp(q @ transpose(k))
    total = reshape(sum(e, axis = 1), [4, 1])
    p = e / total
    {{body}}
}}}}"""
ATTENTION_CLOSED = """dp = g @ transpose(v)
    ds = (dp / total + reshape(sum(-(dp * p) / total, axis = 1), [4, 1])) * e
    (ds @ k, transpose(ds) @ q, transpose(p) @ g)"""
NORM = """model f(x : [6], w : [6]) -> [6] {{
    u = x - mean(x)
    r = sqrt(mean(u * u) + 1e-5)
    {body}
}}"""
NORM_CLOSED = """half = sum(-(w * (u / r)) / r) * 0.5 / r / 6 * u
    du = w / r + half + half
    du + sum(-du) / 6"""


def less(text: str) -> Graph:
    """The graph of the model f after the laws of algebra."""
    return optimise(compilation(Source("f.nn", text), ".", None).module.forward("f"))


@pytest.mark.parametrize(
    ("text", "derived", "closed"),
    [
        (LSTM, "(grad(sum(sigmoid(o) * t), (i, r, g, o, c)))", LSTM_CLOSED),
        (ATTENTION, "grad(sum((p @ v) * g), (q, k, v))", ATTENTION_CLOSED),
        (NORM, "grad(sum(u / r * w), x)", NORM_CLOSED),
    ],
    ids=["lstm", "attention", "layer norm"],
)
def test_gradients_are_closed_forms_as_graphs(text: str, derived: str, closed: str) -> None:
    """A step of an LSTM (Graves, 2012), attention (Vaswani et al., 2017), layer normalisation."""
    one, other = less(text.format(body=derived)), less(text.format(body=closed))
    assert equal_outputs(one, other) == {*one.results} == {*other.results}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a @ b", "contract(i, j : b[k, j] * a[i, k])"),
        ("transpose(a @ b)", "transpose(b) @ transpose(a)"),
        ("transpose(a) * 2", "2 * contract(i, j : a[j, i])"),
        ("transpose(transpose(a) @ a)", "contract(m, n : a[k, n] * a[k, m])"),
    ],
)
def test_one_sum_however_it_is_written(one: str, other: str) -> None:
    head = "model f(a : [3, 3], b : [3, 3]) -> [3, 3] "
    graphs = [less(f"{head}{{ {body} }}") for body in (one, other)]
    assert equal_outputs(*graphs) == {"result"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("a @ b", "b @ a"), ("transpose(a)", "a"), ("a - b", "b - a"), ("a @ b", "a @ transpose(b)")],
)
def test_what_differs_is_told_apart(one: str, other: str) -> None:
    head = "model f(a : [3, 3], b : [3, 3]) -> [3, 3] "
    graphs = [less(f"{head}{{ {body} }}") for body in (one, other)]
    assert equal_outputs(*graphs) == set()


def test_names_and_draws_do_not_matter() -> None:
    text = "model f(x : [3]) -> [3] {{ noise {n} : [3] ~ normal(0, 1)\n {n} * x }}"
    one = with_names(less(text.format(n="e")), {}, {})
    other = less(text.format(n="w").replace("x", "z"))
    assert equal_outputs(one, with_names(other, {"z": "x"}, {})) == {"result"}
    assert equal_outputs(one, with_names(other, {}, {})) == set()


def test_recurrences_are_equal_only_together() -> None:
    text = "model f(xs : seq [2]) -> [2] {{ h = previous(zeros([2]), xs)\n h' = {e}\n last(h') }}"
    one, same, other = (less(text.format(e=e)) for e in ("h + xs", "xs + h", "h * xs"))
    assert equal_outputs(one, same) == {"result"} and equal_outputs(one, other) == set()
