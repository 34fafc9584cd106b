"""Two spellings that are one graph, exactly or by the laws of real numbers."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.graph import Graph
from gradc_compiler.pipeline import compilation
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.study.same_graph import equal_outputs, with_names


def less(text: str) -> Graph:
    """The graph of the model f after the laws of algebra."""
    return optimise(compilation(Source("f.nn", text), ".", None).module.forward("f"))


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


REAL = """x : [3], w : [3], s : scalar, m : [3, 4], n : [4, 3], y : class(3)"""


def told_equal(one: str, other: str) -> bool:
    """Whether two bodies are the same by the laws of real numbers."""
    graphs = [less(f"model f({REAL}) {{ {body} }}") for body in (one, other)]
    return bool(equal_outputs(*graphs, real=True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(x + w) * (x - w)", "x * x - w * w"),
        ("x / w * w", "x"),
        ("s * x / (2 * s + 2)", "x / (1 + 1 / s) / 2"),
        ("sum(x - mean(x))", "0"),
        ("sum(s * x * w)", "s * contract(: w[i] * x[i])"),
        ("sum(m @ n)", "contract(: n[k, j] * m[i, k])"),
        ("transpose(m @ n)", "transpose(n) @ transpose(m)"),
        ("exp(transpose(m))", "transpose(exp(m))"),
        ("transpose(m) / sum(m, axis = 0)[0]", "transpose(m / sum(m, axis = 0)[0])"),
        ("(x @ m) @ n", "contract(j : x[i] * m[i, k] * n[k, j])"),
        ("reshape(x, [3, 1]) * reshape(w, [1, 3])", "contract(i, j : x[i] * w[j])"),
        ("x[y]", "sum(x * one_hot(y, 3))"),
        ("sum(one_hot(y, 3))", "1"),
        ("grad(x[y], x)", "one_hot(y, 3)"),
        ("stop_gradient(x) + x", "2 * x"),
        ("hvp(sum(x * x * w), x, w)", "2 * w * w"),
        ("jvp(sum(tanh(x)), x, w)", "sum(grad(sum(tanh(x)), x) * w)"),
    ],
)
def test_one_function_by_the_laws_of_real_numbers(one: str, other: str) -> None:
    assert told_equal(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x * w", "x + w"),
        ("sum(x) * sum(w)", "sum(x * w)"),
        ("sum(m * m)", "sum(m) * sum(m)"),
        ("contract(i < 3, j < 3 : x[i] * w[j])", "contract(i < 3, j < 3 : x[j] * w[i])"),
        ("contract(i < 3 : x[i - 1])", "contract(i < 3 : x[i])"),
        ("contract(i < 3 : x[i - 1]) + 0 * w", "x"),
        ("contract(i < 2 : x[i + 1])", "x[0 : 2]"),
        ("exp(x + w)", "exp(x) + exp(w)"),
        ("x[y]", "w[y]"),
        ("one_hot(y, 3)", "one_hot(y, 3) * one_hot(y, 3) * x"),
        ("x > w", "w > x"),
        ("x / w", "w / x"),
        ("sqrt(x * x)", "x"),
    ],
)
def test_two_functions_are_told_apart(one: str, other: str) -> None:
    assert not told_equal(one, other)
