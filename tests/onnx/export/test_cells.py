"""Recurrences: ONNX's own cells where they are those, `Scan` for any other; the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from tests.onnx.exporting import require_equal

TWO_BIASES = """
cell gated(units : size)(h : [units], x : [n]) -> [units] {
    param W : [3*units, units] ~ orthogonal
    param U : [3*units, n] ~ glorot_uniform
    param b : [3*units] ~ normal(0, 1)
    param c : [3*units] ~ normal(0, 1)
    seen = reshape(U @ x + b, [3, units])
    held = reshape(W @ h + c, [3, units])
    r = sigmoid(held[0] + seen[0])
    z = sigmoid(held[1] + seen[1])
    z * h + (1 - z) * tanh(r * held[2] + seen[2])
}
model f(x : seq [3]) -> seq [4] { x |> scan(gated(4)) }
"""
OTHER_ORDER = """
cell gated(units : size)(s : (h : [units], c : [units]), x : [n]) -> (h : [units], c : [units]) {
    param W : [units, units] ~ orthogonal
    param V : [3*units, units] ~ orthogonal
    param U : [4*units, n] ~ glorot_uniform
    g = tanh(V[0 : units] @ s.h + U[units : 2*units] @ x)
    f = sigmoid(V[units : 2*units] @ s.h + U[0 : units] @ x)
    i = sigmoid(W @ s.h + U[3*units : 4*units] @ x)
    o = sigmoid(V[2*units : 3*units] @ s.h + U[2*units : 3*units] @ x)
    c = i * g + s.c * f
    (tanh(c) * o, c)
}
model f(x : seq [3]) -> seq [4] { x |> scan(gated(4)) }
"""
PEEPHOLE = """
cell seen(units : size)(s : (h : [units], c : [units]), x : [n]) -> (h : [units], c : [units]) {
    param W : [units, units] ~ orthogonal
    param U : [units, n] ~ glorot_uniform
    param p : [units] ~ normal(0, 1)
    f = sigmoid(W @ s.h + U @ x + p * s.c)
    c = f * s.c + (1 - f) * tanh(U @ x)
    (tanh(c), c)
}
model f(x : seq [3]) -> seq [4] { x |> scan(seen(4)) }
"""
SUMS = """
model f(x : seq [3]) -> seq [3] {
    s = previous(ones([3]), x, backwards = true)
    s' = 0.5 * s + x
    s'
}
"""
LATE = "model f(x : seq [3]) -> seq [3] { x |> before(2) }"
EARLY = """
model f(x : seq [3], y : [3]) -> seq [3] {
    s = previous(y, x, backwards = true)
    s' = x
    s
}
"""
ONE_LINE = "model f({0}) -> {1} {{ {2} }}"
X, FIXED = "x : seq [3]", "x : seq(5) [3]"
CASES = {  # the text, and the operator that does it
    "lstm": (ONE_LINE.format(X, "seq [4]", "x |> scan(lstm(4))"), "LSTM"),
    "lstm, last": (ONE_LINE.format(X, "[4]", "x |> scan(lstm(4)) |> last"), "LSTM"),
    "lstm, first": (ONE_LINE.format(X, "[4]", "x |> scan(lstm(4)) |> first"), "LSTM"),
    "lstm, of one length": (ONE_LINE.format(FIXED, "seq(5) [4]", "x |> scan(lstm(4))"), "LSTM"),
    "gru, backwards": (
        ONE_LINE.format(X, "seq [4]", "x |> scan(gru(4), backwards = true)"), "GRU"
    ),
    "gru, backwards, first": (
        ONE_LINE.format(X, "[4]", "x |> scan(gru(4), backwards = true) |> first"), "GRU"
    ),
    "gru of one length, backwards": (
        ONE_LINE.format(FIXED, "[4]", "x |> scan(gru(4), backwards = true) |> first"), "GRU"
    ),
    "gru, its reset after": (ONE_LINE.format(X, "seq [4]", "x |> scan(gru_reset_after(4))"), "GRU"),
    "gru, two biases": (TWO_BIASES, "GRU"),
    "elman, from a start": (
        ONE_LINE.format("x : seq [3], h : [4]", "[4]", "x |> scan(elman(4), start = h) |> last"),
        "RNN",
    ),
    "both": (ONE_LINE.format(X, "seq [5]", "x |> both(lstm(2), gru(3))"), "LSTM"),
    "turned about": (
        ONE_LINE.format(X, "seq [4]", "x |> reverse |> scan(gru(4)) |> reverse"), "GRU"
    ),
    "lstm, both states": (
        "model f(x : seq [3]) -> (h : seq [4], c : seq [4]) {\n"
        "    s = x |> scan(lstm(4), all = true)\n    (s.h, s.c)\n}", "Scan",
    ),
    "lstm, gates apart": (OTHER_ORDER, "LSTM"),
    "a peephole": (PEEPHOLE, "Scan"),
    "unfolded": (ONE_LINE.format("x : [3]", "seq(6) [4]", "x |> unfold(6, lstm(4))"), "Scan"),
    "sums, backwards": (SUMS, "Scan"),
    "the greatest": (ONE_LINE.format(X, "[3]", "time_max(x)"), "Scan"),
    "the mean": (ONE_LINE.format(X, "[3]", "time_mean(x)"), "ReduceSum"),
    "one step late": (LATE, "Concat"),
    "one step early": (EARLY, "Concat"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_recurrence(case: str) -> None:
    text, operator = CASES[case]
    session = gradc.Session(gradc.compile_source(text), target="reference", seed=2)
    for value in session.parameters.values():
        value += np.random.default_rng(0).normal(0, 0.1, value.shape)  # biases are 0 at first
    file = require_equal(session, "f", (1, 4))
    assert operator in [node.op_type for node in file.graph.node]
