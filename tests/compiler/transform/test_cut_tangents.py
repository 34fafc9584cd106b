"""Tangents that are cut, where a slope is infinite and nothing moves: 0, as in reverse mode."""

from __future__ import annotations

import numpy as np

import gradc

RNG = np.random.default_rng(0)


def opened(text: str, target: str) -> gradc.Session:
    program = gradc.compile_source(text)
    return gradc.Session(program, target=target, dtype="float64", seed=1)


def test_what_is_drawn_and_what_is_stopped_does_not_move() -> None:
    text = """
        model f(x : [3], v : [3]) -> (a : [3], b : [3]) {
            noise e : [3] ~ normal(0, 1)
            jvp((x * e - e, x * stop_gradient(x)), x, v)
        }
        model e(x : [3]) -> [3] { noise e : [3] ~ normal(0, 1); x * 0 + e }
    """
    x, v = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    for target in ("reference", "cpu"):
        np.testing.assert_allclose(opened(text, target).run("f", x=x, v=v)["b"], x * v)


def test_a_slope_that_is_infinite_where_nothing_moves_gives_no_nan() -> None:
    """The cuts of reverse mode, in the other direction."""
    text = """
        model f(x : [4]) -> (a : [4], b : [4], c : scalar, d : [4], e : scalar) {
            v = ones([4])
            jvp((
                where(x > 0, sqrt(x), 0), log(where(x > 0, x, 0)),
                contract(: (x > 0)[i] * sqrt(x)[i]), (x > 0) * sqrt(x),
                norm(where(x > 0, x, 0) * 0)
            ), x, v)
        }
        model g(xs : seq [2], vs : seq [2]) -> seq [2] {
            h = previous(zeros([2]), xs)
            h' = sqrt(h) + xs^2
            0 * xs + h'
        }
    """
    x = np.array([[0.0, -1.0, 4.0, 0.25]])
    for target in ("reference", "cpu"):
        found = opened(text.split("model g")[0], target).run("f", x=x)
        np.testing.assert_allclose(found["a"], [[0, 0, 0.25, 1.0]])
        np.testing.assert_allclose(found["b"], [[0, 0, 0.25, 4.0]])
        np.testing.assert_allclose(found["c"], [1.25])
        np.testing.assert_allclose(found["d"], [[0, 0, 0.25, 1.0]])
        np.testing.assert_allclose(found["e"], [0])


def test_a_state_that_begins_at_rest() -> None:
    text = """
        model f(xs : seq(n) scalar, vs : seq(n) scalar) -> seq(n) scalar {
            h = previous(0, xs)
            h' = sqrt(h) + xs^2
            jvp(h', xs, vs)
        }
    """
    for target in ("reference", "cpu"):
        found = opened(text, target).run("f", xs=[np.array([2.0, 3.0])], vs=[np.ones(2)])
        np.testing.assert_allclose(found[0], [4.0, 6.0 + 4.0 / (2 * 2.0)])
