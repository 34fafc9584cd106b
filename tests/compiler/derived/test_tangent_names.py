"""Tangents in a derived program are called after what moves, and it has the same numbers."""

from __future__ import annotations

import numpy as np

from gradc_compiler.derived import print_program
from tests.compiler.derived.test_derived import CASES, compiled, gradients

TANGENTS = """
model f(x : [3]) -> scalar { h = x |> dense(4) |> tanh; sum(h * h) }
model along(xs : seq [3]) -> scalar {
    h = previous(zeros([3]), xs)
    h' = tanh(0.5 * h + xs)
    jvp(sum(last(h')^2), xs, xs)
}
data points(x : [3], xs : seq [3]) = npz("none.npz")
train on points {
    moved = jvp(f(x), x, 2 * x)
    bent = hvp(f(x), f.dense1.W, ones([4, 3]))
    minimize f(x)^2 + moved + along(xs) + sum(jacobian(exp(x), x)) report curvature = sum(bent^2)
    using sgd(lr = 1e-2)
}
"""


def test_a_program_with_tangents_has_the_same_numbers() -> None:
    made = compiled(TANGENTS, "t.nn")
    again = compiled(print_program(made), "derived.nn")
    for a, b in zip(gradients(made, "train"), gradients(again, "train"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_tangents_are_called_after_what_moves() -> None:
    """`dot_h` is how h moves, `d_dot_h` the adjoint of that, and a recurrence has them as well."""
    text = print_program(compiled(TANGENTS, "t.nn"))
    lines = [line.split("  #")[0].strip() for line in text.splitlines()]
    assert "# dot_x is how x moves along the direction of a jvp or hvp." in lines
    made = [line.partition(" = ")[0] for line in lines if line.startswith(("dot_", "d_dot_"))]
    carried = {"dot_h_4_before", "dot_h_4", "dot_h_4_before'"}
    assert {"dot_h", "d_dot_h", "dot_c1", *carried} <= {*made}, made
    assert "dot_h = dot_c1 * c5" in lines and "dot_h_4 = dot_c15 * c18" in lines
    assert "dot_x is" not in print_program(compiled(CASES["house.nn"], "house.nn"))
