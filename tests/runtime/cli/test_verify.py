"""`gradc verify`: its bounds hold, and a fault is seen, however uncertain an update may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.transform.update_rule import update_rule
from gradc_runtime.certificates.distances import AfterUpdate, difference
from gradc_runtime.certificates.update_moves import room
from gradc_runtime.cli.actions import verify as verifying
from gradc_runtime.cli.actions.moves import moves
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.session.session import Session
from gradc_runtime.session.state import StateMemory
from tests.runtime.cli.calling import Caller

RATE = 1e-3
ATTENTION = """# softmax takes no notice of what a key's bias adds to all scores
model attend(x : [4, 6]) -> [4, 6] {
    param Q : [6, 6] ~ glorot_uniform
    param K : [6, 6] ~ glorot_uniform
    param b : [6] = 0
    keys = x @ K + b
    weights = softmax((x @ Q) @ transpose(keys))
    weights @ x
}
data pairs(x : [4, 6], y : [4, 6]) = npz("pairs.npz")
train on pairs { minimize sum((attend(x) - y)^2) using adam(lr = 1e-3) }
"""
BIAS = "attend.b"


def test_verify_holds_its_bounds(call: Caller) -> None:
    answer = call("verify", call.spec, "--examples", "5", "--json")
    checks = {check["what"]: check for check in answer.data}
    apart = ("kernels, 1 thread", "kernels, 2 threads", "float32", "no passes")
    alone = {"gradient", "2 threads", "2 threads, float32"}
    assert set(checks) == alone | {*apart} | {f"{what}, updates" for what in apart}
    assert all(check["holds"] for check in checks.values()), checks
    assert answer.code == 0


def test_verify_fails_where_a_bound_is_exceeded(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "OF_GRADIENTS", -1.0)
    answer = call("verify", call.spec, "--examples", "2")
    assert answer.code == 1 and "FAILS" in answer.out
    assert "gradient: " in answer.err


def test_a_gradient_that_is_0_but_for_rounding_is_no_fault(call: Caller) -> None:
    spec = call.folder / "attention.nn"
    spec.write_text(ATTENTION)
    answer = call("verify", spec)
    assert answer.code == 0, answer.err


def test_a_trial_draws_no_first_values_and_keeps_no_memory(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Request.of(call.spec, {}).compile()
    start = {n: v + 1 for n, v in Session(made.program).memory.views.items()}
    monkeypatch.delattr(StateMemory, "initialise")
    trial = Trial(program=made.program, start=start, examples=3, seed=0)
    session = trial.session()
    assert all(np.array_equal(view, start[n]) for n, view in session.memory.views.items())
    trial.last(session, trial.entries(updates=True)[0])
    assert not session.runners


def test_no_update_has_more_room_than_its_gradient_leaves_open(call: Caller) -> None:
    spec = call.folder / "attention.nn"
    spec.write_text(ATTENTION)
    made = Request.of(spec, {}).compile()
    start = Session(made.program, "reference", "float64").memory.views
    double = Trial(program=made.program, start=start, examples=5, seed=0)
    single = Trial(program=made.program, start=start, examples=5, seed=0, dtype="float32")
    found, wanted = single.results(), double.results()
    rooms = room(moves(made, double), found, wanted)
    assert np.all(rooms[AfterUpdate(BIAS)] <= 2 * RATE)
    assert np.median(rooms[AfterUpdate("attend.Q")]) < 1e-3 * RATE
    updated = {name: array for name, array in wanted.items() if isinstance(name, AfterUpdate)}
    assert difference(found, updated, rooms, exactly=False)[0] < verifying.SINGLE
    for name, fault in ((BIAS, 3 * RATE), ("attend.Q", 0.5 * RATE)):
        key = AfterUpdate(name)
        wrong = found | {key: found[key] + fault}
        error, worst = difference(wrong, updated, rooms, exactly=False)
        assert error > verifying.SINGLE and worst == f"{name} after"


def test_a_rule_stands_by_itself(call: Caller) -> None:
    spec = call.folder / "attention.nn"
    spec.write_text(ATTENTION)
    module = Request.of(spec, {}).compile().module
    rule = verify(update_rule(module.step("train"), module.gradients("train")))
    read = {node.op.key for node in rule.nodes if node.op.name == "persistent"}
    assert {"gradient/attend.b", "attend.b", "adam.m/attend.b"} <= read
    assert not any(node.op.name in ("input", "contract") for node in rule.nodes)
    assert Tagged(Role.UPDATE, "attend.b") in rule.outputs and "loss" not in rule.outputs


SPECS = Path(__file__).parents[3] / "specs"
EVERY = [
    pytest.param(p.stem, marks=() if p.stem in ("circle", "house") else pytest.mark.wide)
    for p in sorted(SPECS.glob("*.nn"))
]


@pytest.mark.parametrize("name", EVERY)
def test_every_spec_holds_its_bounds_in_bf16(call: Caller, name: str) -> None:
    """Deep ones too, whose kernels round some numbers the other way than the reference."""
    answer = call("verify", SPECS / f"{name}.nn", "--precision", "bf16", "--json")
    checks = [c for c in answer.data if c["what"].startswith("bf16")]
    assert len(checks) == 3 and all(c["holds"] for c in checks)
