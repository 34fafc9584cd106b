"""Sums along rows and what is around them are one launch on a GPU."""

from __future__ import annotations

import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Instruction
from tests.support.row_nets import NETS, only, spec

MODELS = {
    "softmax": "x : [7, 40]) -> [7, 40] { softmax(x) }",
    "log_softmax": "x : [7, 40]) -> [7, 40] { log_softmax(x) }",
    "layer_norm": "x : [2, 7, 40]) -> [2, 7, 40] { layer_norm(x) }",
    "of heads": "x : [4, 8, 40]) -> [4, 8, 40] { softmax(2 * x) }",
    "of one row": "x : [40]) -> [40] { softmax(x) }",
    "few columns": "x : [7, 3]) -> [7, 3] { softmax(x) }",
    "of a block": "x : [2, 1024]) -> [2, 1024] { softmax(x) }",
    "of a sequence": "xs : seq [40]) -> seq [40] { softmax(xs) }",
}


@pytest.mark.parametrize("model", MODELS)
def test_it_is_one_launch(model: str) -> None:
    _, item = only(f"model f({MODELS[model]}")
    assert item.launch is not None and item.launch.source.count("for i") >= 2
    assert ("across(" in item.launch.source) == (model != "few columns")
    assert len(item.launch.operands) <= 5


def launches(text: str) -> list[Instruction]:
    """Every launch of the step or of the model of a spec."""
    program = compile_source(text).of_target("cuda")
    names = [step.entry for step in program.training.steps] if program.training else None
    entries = [program.entries[name] for name in names or program.entries]
    return [item for entry in entries for phase in entry.phases for item in phase.instructions]


def along_rows(items: list[Instruction]) -> int:
    """How many of them are sums along rows of a team."""
    return sum("across(" in item.launch.source for item in items if item.launch)


@pytest.mark.parametrize("net", NETS)
def test_a_step_has_a_few(net: str) -> None:
    """Forward, and the loss's sum over all rows, and backward."""
    assert 1 <= along_rows(launches(spec(net, 7, 40))) <= 5


@pytest.mark.parametrize(
    "model",
    [
        "x : [7, 40]) -> [40] { sum(x, axis = 0) }",
        "x : [7, 40]) -> [40] { max(x, axis = 0) }",
        "x : [40]) -> [40] { 2 * x + exp(x) }",
    ],
)
def test_what_is_not_along_rows_has_no_team(model: str) -> None:
    assert not along_rows(launches(f"model f({model}"))


def test_what_others_wait_for_is_not_overtaken() -> None:
    """A product of what a softmax gives stands between two sums along the same rows."""
    text = """
model f(x : [16, 16], w : [16, 16]) -> [16, 16] {
    a = softmax(x)
    b = a @ w
    softmax(a + b)
}
"""
    items = launches(text)
    assert along_rows(items) == 2 and len(items) == 3
    assert "across(" in items[0].launch.source and "across(" in items[-1].launch.source
