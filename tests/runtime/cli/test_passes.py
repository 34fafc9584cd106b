"""`gradc passes`: what fired, by which law, and how far both sides lie apart."""

from __future__ import annotations

import numpy as np

from gradc_compiler.graph.graph import Builder
from gradc_compiler.ops.leaf import Input
from gradc_compiler.rewrites.driver import Rewrite, whole
from gradc_compiler.study.pass_steps import PassStep, largest_difference, ulps
from tests.runtime.cli.calling import SPECS, Caller

HOUSE = SPECS / "house.nn"


def test_what_passes_change(call: Caller) -> None:
    answer = call("passes", HOUSE)
    assert answer.code == 0
    assert "1 simplify (algebra), exact, but for the order of sums: 18 -> 18 nodes" in answer.words
    assert "x - 0 = x, x * 1 = x" in answer.words
    assert "- v11 = v9 + v10 : scalar + v11 = v6 + v6 : scalar" in answer.words
    assert "legalize (cpu)" in answer.words and "largest difference" not in answer.words


def test_both_sides_are_evaluated(call: Caller) -> None:
    rows = call("passes", SPECS / "mnist_cnn.nn", "--check", "--json").data["passes"]
    assert all(row["ulps"] is not None and row["ulps"] < 64 for row in rows)
    inexact = [row for row in rows if not row["exact"]]
    assert [row["pass"] for row in inexact][:1] == ["fold-width"] and inexact[0]["ulps"] > 0
    assert rows[0]["pass"] == "simplify" and rows[0]["ulps"] == 0
    exact = call("passes", SPECS / "mnist_cnn.nn", "--exact", "--json").data["passes"]
    assert all(row["exact"] for row in exact)


def test_laws_within_a_sweep(call: Caller) -> None:
    """Each law by name, with its equation, whether it is exact, and the nodes that it changed."""
    answer = call("passes", HOUSE, "--check")
    assert "one_is_neutral, exact, 2 times x * 1 = x; x * -1 = -x." in answer.words
    assert "v9 = v8 * v6 becomes v6" in answer.words
    (first, *_) = call("passes", SPECS / "circle.nn", "--check", "--json").data["passes"]
    laws = {law["name"]: law for law in first["laws"]}
    assert {"broadcasting_is_implied", "reshape_of_reshape_is_reshape"} & laws.keys()
    assert all(law["ulps"] == 0 for law in laws.values() if law["exact"])
    assert all(law["changed"] for law in laws.values())


def test_sequences_and_other_entries(call: Caller) -> None:
    answer = call("passes", SPECS / "row_digits.nn", "--check", "--lines", "2")
    assert answer.code == 0 and "largest difference" in answer.out and "more lines" in answer.out
    answer = call("passes", HOUSE, "--entry", "step", "--target", "cuda")
    assert "step/train" in answer.err and "(cuda)" in answer.out
    answer = call("passes", HOUSE, "--entry", "steps")
    assert answer.code == 2 and "no entry is called steps" in answer.err


def test_a_wrong_pass_is_seen() -> None:
    """What changes numbers is told with its output, and by how much."""
    b = Builder()
    x = b.add(Input("x", (2,)))
    before, after = b.graph({"y": (x + x).id}), b.graph({"y": (x * (2 + 2**-50)).id})
    row = Rewrite(run=whole(lambda graph: graph), law="x + x = 2 x")
    step = PassStep(name="wrong", stage="algebra", row=row, before=before, after=after)
    most, output = largest_difference(step, {"x": np.ones((3, 2))}, 3)
    assert output == "y" and most == 2


def test_units_of_the_last_place() -> None:
    one = np.array([1.0, 1e-9])
    assert ulps(one, one) == 0 and ulps(one, one + np.array([np.spacing(1.0), 0])) == 1


def test_a_derivative_of_the_authors_is_no_node_of_a_pass(call: Caller) -> None:
    """What stands for it in the graph is gone before the first pass, and both sides are numbers."""
    (call.folder / "own.nn").write_text(
        "function clipped(x : t) -> t { maximum(minimum(x, 1), -1) }\n"
        'derivative clipped(x)(dx) because "straight through" { dx }\n'
        "model f(x : [4]) -> scalar { param w : [4] = 1\n sum(clipped(w * x)) }\n"
        'data d(x : [4]) = npz("none.npz")\ntrain on d { minimize f(x) using sgd(lr = 0.1) }\n'
    )
    passes = call("passes", "own.nn", "--check", "--json").data["passes"]
    assert passes[0]["pass"] == "simplify" and all(row["ulps"] == 0 for row in passes)
