"""A layer is known by where it is written: branches of a conditional hold layers of their own."""

from __future__ import annotations

import pytest

from gradc_compiler.graph.graph import Graph
from gradc_compiler.ops.leaf import PersistentOp

DEFINITIONS = """
layer wide(x : [n]) -> [n] { x |> dense(n) }
layer twice(inner : layer)(x : [n]) -> [n] { x |> inner |> inner }
layer given(inner : layer = dense(4))(x : [n]) -> [n] { inner(x) }
layer stage(x : [4]) -> [4] { dense(4)(x) if training else dense(4)(x) }
layer either(x : [n]) -> [4] { dense(4)(x) if n == 4 else dense(4)(x) }
layer dropped(inner : layer)(x : [n]) -> [n] { 2 * inner(x) }
layer counted(x : [n]) -> [n] { state uses : scalar = 0; uses' = uses + 1; x * uses' }
cell steps(h : [4], x : [4]) -> [4] { tanh(dense(4)(x) + h if training else dense(4)(x) - h) }
function made(n) { dense(n) }
"""
BRANCHES = [  # in each of which a layer is written twice
    "dense(4)(x) if training else dense(4)(x)",
    "(x |> dense(4)) if training else (x |> dense(4))",
    "dense(5)(dense(3)(x)) if training else dense(5)(x)",
    "x |> (dense(4) if training else dense(4))",
    "x |> (wide if training else wide)",
    "x |> ((wide |> relu) if training else (wide |> relu))",
    "x |> repeat(2, wide if training else wide)",
    "x |> (repeat(2, wide) if training else repeat(1, wide))",
    "x |> (twice(wide) if training else twice(wide))",
    "x |> (given() if training else given())",
    "x |> (made(4) if training else made(4))",
    "x |> (batch_norm if training else batch_norm)",
    "x |> (counted if training else counted)",
    "(x |> dropout(0.5) |> dense(4)) if training else (x |> dense(4))",
    "x |> (checkpoint(wide) if training else checkpoint(wide))",
    "last(rows([x, x]) |> (scan(gru(4)) if training else scan(gru(4))))",
    "(dense(4)(x) if 1 > 0 else x) if training else (dense(4)(x) if 0 > 1 else dense(4)(x))",
]


def spec(body: str) -> str:
    return f"""{DEFINITIONS}
model f(x : [4]) -> [2] {{
    {body}
}}
data d(x : [4], y : [2]) = npz("none.npz")
train on d {{
    minimize sum((f(x) - y)^2)
    using sgd(lr = 0.1)
}}
"""


def layers(graph: Graph) -> dict[str, tuple[int, ...]]:
    """What persists of the model, and how large it is."""
    nodes = (node for node in graph.nodes if isinstance(node.op, PersistentOp))
    return {n.op.key[2:]: n.type.shape for n in nodes if n.op.key.startswith("f.")}


def both(build, body: str) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """The layers of evaluation and of training; the model alone has those of evaluation."""
    module = build(spec(body))
    evaluated, trained = layers(module.evaluate("train")), layers(module.step("train"))
    assert evaluated.keys() == layers(module.forward("f")).keys()
    assert trained.keys() == layers(module.gradients("train")).keys()
    return evaluated, trained


def check_apart(evaluated: dict[str, tuple[int, ...]], trained: dict[str, tuple[int, ...]]) -> None:
    """Only the last layer is one: dense(2)."""
    common = evaluated.keys() & trained.keys()
    assert sorted(len(evaluated[name]) for name in common) == [1, 2]
    assert {evaluated[name][0] for name in common} == {2}
    assert len(common) < min(len(evaluated), len(trained))


@pytest.mark.parametrize("written", BRANCHES)
def test_two_branches_hold_two_layers_and_what_follows_is_one(build, written: str) -> None:
    check_apart(*both(build, f"h = {written}\n    h |> dense(2)"))


def test_a_branch_of_one_mode_moves_no_number_of_the_layers_that_follow(build) -> None:
    evaluated, trained = both(
        build, "h = dense(4)(x) if training else x\n    dense(2)(relu(dense(3)(h)))"
    )
    assert evaluated.items() <= trained.items()
    assert len(trained) == len(evaluated) + 2


def test_a_named_layer_is_the_same_below_whatever_applies_it(build) -> None:
    for use in ("dropped(g)(x) if training else g(x)", "g(x) if training else dropped(g)(x)"):
        evaluated, trained = both(build, f"g = wide\n    h = {use}\n    h |> dense(2)")
        assert evaluated == trained
    evaluated, trained = both(
        build, "g = repeat(2, wide); h = dropped(g)(x) if training else g(x); h |> dense(2)"
    )
    assert evaluated == trained


def test_names_given_in_both_branches_are_two_layers(build) -> None:
    evaluated, trained = both(build, "g = dense(4) if training else dense(4); dense(2)(g(x))")
    check_apart(evaluated, trained)
    assert {n.split(".")[0] for n in evaluated} == {"g", "dense1"}
    assert {n.split(".")[0] for n in trained} == {"g2", "dense1"}


@pytest.mark.parametrize("use", ["stage", "repeat(2, stage)", "twice(stage)", "stage |> stage"])
def test_branches_within_layers(build, use: str) -> None:
    evaluated, trained = both(build, f"s = {use}; y = s(x) + s(x); y |> dense(2)")
    check_apart(evaluated, trained)
    assert len(evaluated) == len(trained)


def test_branches_of_a_size_that_one_layer_meets_twice(build) -> None:
    """One layer value, used for 4 numbers and for 3: the branches are layers of their own."""
    evaluated, trained = both(build, "s = either; h = s(x) + s(x[0:3]) + s(x); dense(2)(h)")
    assert evaluated == trained
    assert {shape for shape in evaluated.values() if len(shape) == 2} == {(4, 4), (4, 3), (2, 4)}


def test_branches_within_a_cell(build) -> None:
    evaluated, trained = both(build, "h = last(rows([x, x]) |> scan(steps)); dense(2)(h)")
    check_apart(evaluated, trained)
    assert {n.split(".")[0] for n in evaluated} == {"steps1", "dense1"}


def test_a_given_name_is_not_taken_by_a_number(build) -> None:
    evaluated, _ = both(build, "dense1 = dense(4); x |> dense1 |> dense(4) |> dense(2)")
    assert len(evaluated) == 6
