"""`gradc verify` has no false alarms: what a derivative holds, what has no slope, odd domains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.pipeline import Compilation
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.slopes import gradient_error
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.session.session import Session
from tests.runtime.cli.calling import Caller

MODEL = """
model f(x : [3]) -> scalar { x |> dense(4) |> tanh |> dense(1) |> as(scalar) }
data d(x : [3], xs : seq [3], y : scalar) = npz("none.npz")
train on d {
"""
QUIET = {
    "what is held": "a = stop_gradient(f(x)); minimize (f(x) - 0.9 * a - y)^2 using sgd()",
    "what is held, of a sequence and of a parameter": (
        "a = stop_gradient(f(xs)); b = stop_gradient(f.dense1.W)\n"
        "    minimize time_sum((f(xs) - 0.5 * a)^2) + sum(b * f.dense1.W^2) using sgd()"
    ),
    "directions by hand": "descend f.dense1.W along f.dense1.W using sgd() report f(x)",
    "logarithms": "minimize (f(x) + log(x[0]) + log(1 - y))^2 using sgd()",
    "roots": "minimize (f(x) + sqrt(x[1]) / x[2]^0.5)^2 using sgd()",
    "bends within the smallest step": (
        "minimize f(x)^2 + 1e-5 * sum(sin(1e5 * f.dense2.b)) using sgd()"
    ),
    "nothing finite": "minimize f(x) + log(-1 - x[0]^2) using adam()",
}


@pytest.mark.parametrize("case", QUIET)
def test_verify_has_no_false_alarm(call: Caller, case: str) -> None:
    spec = call.folder / "case.nn"
    spec.write_text(f"{MODEL}    {QUIET[case]}\n}}\n")
    answer = call("verify", spec, "--examples", "4", "--json")
    assert answer.code == 0, answer.err
    compared = any(check["what"] == "gradient" for check in answer.data)
    assert compared == (case not in ("directions by hand", "nothing finite"))
    assert ("not finite" in answer.err) == (case == "nothing finite")


class Wrong(Session):
    """A session with one gradient that is off by a millionth of itself, and a half."""

    def once(self, entry: str, given: Any, steps: int = 1) -> Any:
        """As it should be, but for one bias."""
        results, outputs = super().once(entry, given, steps)
        bias = results[Tagged(Role.GRADIENT, "f.dense1.b")]
        return {**results, Tagged(Role.GRADIENT, "f.dense1.b"): bias * (1 + 5e-6)}, outputs


@pytest.mark.parametrize("case", ["what is held", "bends within the smallest step"])
def test_a_gradient_that_is_off_is_seen(tmp_path: Path, case: str) -> None:
    spec = tmp_path / "case.nn"
    spec.write_text(f"{MODEL}    {QUIET[case]}\n}}\n")
    made: Compilation = Request.of(spec, {}).compile()
    errors = []
    for kind in (Session, Wrong):
        session = kind(made.program, "reference", "float64")
        views = {name: view.copy() for name, view in session.memory.views.items()}
        trial = Trial(program=made.program, start=views, examples=3, seed=0)
        (step,) = made.program.training.steps
        joint = made.graphs[step.gradients]
        found = gradient_error(session, step, joint, trial.inputs(step.gradients), 0)
        assert found is not None
        errors.append(found)
    assert errors[0][0] < 1e-7
    assert errors[1] == (pytest.approx(5e-6, rel=0.1), "f.dense1.b")
    assert np.isfinite(errors[1][0])
