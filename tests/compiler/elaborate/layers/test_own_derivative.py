"""`derivative f(x)(dx) { ... }`: followed in both directions, to any order, and tried."""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.pipeline import compilation
from gradc_compiler.syntax.pretty.format_source import format_source

RNG = np.random.default_rng(0)
RULES = """
function nearest(x : t) -> t { floor(x + 0.5) }
derivative nearest(x)(dx) because "straight through" { dx }
function weighed(x : [n], w : [n]) -> scalar { sum(w * x^2) / 2 }
derivative weighed(x, w)(dx, dw) { sum(w * x * dx) + sum(x^2 * dw) / 2 }
function grow(x : t) -> t { exp(x) }
derivative grow(x)(dx) { grow(x) * dx }
layer scaled(by : number)(x : [n]) -> [n] { by * x }
derivative scaled(x)(dx) because "ten times as steep" { 10 * by * dx }
function row(table : [m, n], k : class(4)) -> [n] { table[k] }
derivative row(table, k)(d, none) { d[k] }
"""


def both(text: str):
    program = gradc.compile_source(RULES + text)
    for target, threads in (("reference", 1), ("cpu", 2)):
        yield gradc.Session(program, target=target, dtype="float64", threads=threads)


def test_both_directions_follow_the_rule() -> None:
    text = """
        model slope(x : [3]) -> [3] { grad(sum(nearest(x) * x), x) }
        model moved(x : [3], v : [3]) -> [3] { jvp(nearest(x) * x, x, v) }
        model two(x : [3]) -> ([3], [3]) { grad(weighed(sin(x), x), (x, x)) }
        model steep(x : [3]) -> [3] { grad(sum(x |> scaled(2)), x) }
        model taken(x : [4, 2], k : class(4)) -> [4, 2] { grad(sum(row(x, k)^2), x) }
    """
    x, v = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    table, k = RNG.normal(size=(4, 4, 2)), np.arange(4)
    for session in both(text):
        near = np.floor(x + 0.5)
        np.testing.assert_allclose(session.run("slope", x=x), near + x)
        np.testing.assert_allclose(session.run("moved", x=x, v=v), (near + x) * v)
        wanted = x * np.sin(x) * np.cos(x) + np.sin(x) ** 2 / 2
        for found in session.run("two", x=x).values():
            np.testing.assert_allclose(found, wanted, atol=1e-14)
        np.testing.assert_allclose(session.run("steep", x=x), np.full((4, 3), 20.0))
        taken = np.zeros((4, 4, 2))
        taken[k, k] = 2 * table[k, k]
        np.testing.assert_allclose(session.run("taken", x=table, k=k), taken)


def test_a_rule_that_reads_its_function_has_derivatives_of_any_order() -> None:
    text = """
        model third(x : [2]) -> [2] { grad(sum(grad(sum(grad(sum(grow(x)), x)), x)), x) }
        model turned(x : [2], v : [2]) -> [2] { hvp(sum(grow(x)), x, v) }
        model whole(x : [2]) -> [2, 2] { hessian(sum(grow(x)), x) }
    """
    x, v = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))
    for session in both(text):
        np.testing.assert_allclose(session.run("third", x=x), np.exp(x))
        np.testing.assert_allclose(session.run("turned", x=x, v=v), np.exp(x) * v)
        np.testing.assert_allclose(session.run("whole", x=x), np.exp(x)[:, None] * np.eye(2))


def test_along_a_sequence_and_in_a_recurrence() -> None:
    text = """
        cell step(h : [2], x : [2]) -> [2] { nearest(h / 2 + x) }
        model f(xs : seq [2]) -> seq [2] { grad(time_sum(sum(nearest(xs) * xs)), xs) }
        model g(xs : seq [2]) -> seq [2] { grad(sum(last(xs |> scan(step))), xs) }
    """
    xs = [RNG.normal(size=(n, 2)) for n in (3, 1)]
    for session in both(text):
        for found, x in zip(session.run("f", xs=xs), xs, strict=True):
            np.testing.assert_allclose(found, np.floor(x + 0.5) + x)
        for found, x in zip(session.run("g", xs=xs), xs, strict=True):
            halves = 0.5 ** np.arange(len(x))[::-1, None]
            np.testing.assert_allclose(found, np.broadcast_to(halves, x.shape))


TRAINED = """
model net(x : [2]) -> scalar { x |> dense(4) |> nearest |> dense(1) |> as(scalar) }
data points(x : [2], y : scalar) = line()
train on points { minimize (net(x) - y)^2 using sgd(lr = 0.1) }
"""


def test_a_step_is_trained_by_the_rule_and_no_pass_sees_it() -> None:
    made = compilation(Source("s.nn", RULES + TRAINED), ".", {})
    names = {n.op.name for n in made.graphs["gradients/train"].nodes}
    assert "ruled" in names
    assert "ruled" not in {n.op.name for n in made.optimised["gradients/train"].nodes}
    text = print_graph(made.graphs["forward/net"])
    assert print_graph(parse_graph(text)) == text
    x, y = RNG.normal(size=(6, 2)), RNG.normal(size=6)
    found = []
    for target in ("reference", "cpu"):
        session = gradc.Session(made.program, target=target, dtype="float64", seed=1)
        found.append(session.gradients(x=x, y=y)[1])
    for name, g in found[0].items():
        assert np.abs(g).max() > 0
        np.testing.assert_allclose(found[1][name], g, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        ("derivative f(x)(dx) { x * dx }", "E0506", "and true is"),
        ("derivative f(x)(dx) { 2 * x * dx + 1 }", "E0505", "linear in what moves"),
        ("derivative f(x)(dx) { 2 * x * relu(dx) }", "E0505", "linear in what moves"),
        ("derivative f(x)(dx) { sum(x) * ones([7]) }", "E0505", "its derivative [7]"),
        ("derivative f(x, y)(dx) { dx }", "E0505", "and here are 2"),
        ("derivative g(x)(dx) { dx }", "E0505", "no function `g`"),
    ],
)
def test_what_is_no_derivative(rule: str, code: str, message: str) -> None:
    text = f"function f(x : t) -> t {{ x^2 }}\n{rule}\nmodel m(x : [3]) -> [3] {{ f(x) }}"
    with pytest.raises(CompileError) as caught:
        gradc.compile_source(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code and message in diagnostic.message


def test_a_function_that_is_nowhere_finite_is_not_taken_on_trust() -> None:
    text = "function f(x : t) -> t { sqrt(x - 9) }\nderivative f(x)(dx) { dx / (2 * f(x)) }\n"
    with pytest.raises(CompileError, match="cannot be tried"):
        gradc.compile_source(text + "model m(x : [3]) -> [3] { f(x) }")


def test_it_is_laid_out_like_any_definition() -> None:
    text = 'derivative f( x )( dx )\n  because "so"  {\n dx}\nlet derivative = 3\nlet because = 4\n'
    wanted = 'derivative f(x)(dx) because "so" {\n    dx\n}\nlet derivative = 3\nlet because = 4\n'
    assert format_source(Source("f.nn", text)) == wanted
    assert format_source(Source("f.nn", wanted)) == wanted


@pytest.mark.parametrize("reason", ["", ' because "none"'])
@pytest.mark.parametrize("inner", ["W @ x", "x |> dense(n)", "x |> batch_norm"])
def test_what_a_layer_learns_is_no_input_of_its_rule(reason: str, inner: str) -> None:
    """It would have no gradient, and nobody would be told."""
    declared = "param W : [n, n] = 1; " if "W" in inner else ""
    text = f"""layer own(x : [n]) -> [n] {{ {declared}{inner} }}
        derivative own(x)(dx){reason} {{ dx }}
        model f(x : [2]) -> [2] {{ x |> own }}"""
    with pytest.raises(CompileError, match="a derivative moves with inputs alone") as caught:
        gradc.compile_source(text)
    assert [d.code for d in caught.value.diagnostics] == ["E0505"]


def test_what_is_learnt_may_be_an_input() -> None:
    text = """
        function by_signs(W : [n, m], x : [m]) -> [n] { sign(W) @ x }
        derivative by_signs(W, x)(dW, dx) because "signs have no slope" { dW @ x + sign(W) @ dx }
        layer binary(n)(x : [m]) -> [n] {
            param W : [n, m] ~ glorot_uniform
            by_signs(W, x)
        }
        model f(x : [3]) -> [2] { x |> binary(2) }
        model slope(x : [3]) -> [2, 3] { grad(sum(f(x)^2), f.binary1.W) }
    """
    x = RNG.normal(size=(4, 3))
    for session in both(text):
        signs = np.sign(session.parameters["f.binary1.W"])
        wanted = 2 * (x @ signs.T)[:, :, None] * x[:, None, :]
        np.testing.assert_allclose(session.run("slope", x=x), wanted, atol=1e-12)
