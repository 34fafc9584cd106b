"""No where trap along recurrences: what a step and all after it leave at 0 stays 0 before it."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.pipeline import Compilation, compilation, compile_source
from gradc_runtime.session.session import Session

RECURRENCES = {  # of which a value that is carried is cut by its readers and by the steps after it
    "a root below what is read": """h = previous(0, xs)
    h' = sqrt(relu(xs * w + h - 1))
    time_sum(where(h' > 0, h' * w, 0))""",
    "a start": """h = previous(log(relu(w - 2)), xs)
    h' = where(xs > -9, xs * w, h)
    last(where(h' > 0, log(h' * w), 0))""",
    "two states": """a = previous(0, xs)
    b = previous(1, xs)
    a' = sqrt(relu(xs * w - 1) * b)
    b' = where(a > 0, a * w, 0) + where(a' > 0, log(a' + 1) * w, 1)
    time_sum(where(a' > 0, a' + b', 0))""",
    "backwards": """h = previous(0, reverse(xs))
    h' = sqrt(relu(reverse(xs) * w + h - 1)) * w
    time_sum(where(h' > 0, h'^1.5, 0))""",
    "a cell": "time_sum(relu(xs |> scan(rooted(w))))",
    "not cut": """h = previous(1, xs)
    h' = sqrt(h * h + xs * xs + w)
    last(h')""",
}
ALONG = [[0.1, 2.0, 0.2, -1], [3.0], [0.2, 0.3, 0.1], [2.0, 2.5]]


def recurrence(name: str, penalty: bool) -> Compilation:
    return compilation(
        Source(
            "spec.nn",
            f"""
cell rooted(w)(h : scalar, x : scalar) -> scalar {{ sqrt(relu(x * w + h - 1)) }}
model f(xs : seq scalar) -> scalar {{
    param w = 1.3
    {RECURRENCES[name]}
}}
data points(xs : seq scalar) = npz("none.npz")
train on points {{
    minimize f(xs){" + grad(f(xs), f.w)^2" if penalty else ""}
    using sgd(lr = 0.1)
}}
""",
        ),
        ".",
        {},
        (),
    )


@pytest.mark.parametrize("penalty", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("name", RECURRENCES)
def test_what_a_recurrence_carries_is_cut_too(name: str, penalty: bool) -> None:
    made, xs = recurrence(name, penalty), [np.array(x) for x in ALONG]
    derived = compile_source(print_program(made))
    reference, *others = (
        Session(program, target, "float64", threads)
        for program, target, threads in [
            (made.program, "reference", 1), (made.program, "cpu", 1), (made.program, "cpu", 2),
            (derived, "cpu", 2),
        ]
    )  # fmt: skip
    found = reference.gradients(xs=xs)[1]["f.w"]
    losses = []
    for h in (1e-6, -1e-6):
        reference.parameters["f.w"][...] = 1.3 + h
        losses.append(reference.gradients(xs=xs)[0])
    assert found == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-5, abs=1e-8)
    reference.parameters["f.w"][...] = 1.3
    wanted = reference.step(xs=xs)
    for session in others:
        assert [*session.step(xs=xs).values()] == pytest.approx([*wanted.values()], rel=1e-9)
        moved = (s.parameters["f.w"] for s in (session, reference))
        np.testing.assert_allclose(*moved, rtol=1e-9)


def test_a_recurrence_that_nothing_cuts_costs_nothing() -> None:
    """One loop for the states, one for their adjoints."""
    graph = recurrence("not cut", False).module.gradients("train")
    assert len(graph.carries) == 2
    assert len(recurrence("a cell", False).module.gradients("train").carries) == 3
