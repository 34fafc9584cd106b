"""A loss that is not finite is traced to an operator and a line of the spec."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import Source, Span
from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph.types import SCALAR
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input
from gradc_compiler.ops.leaf import PersistentOp as Read
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.arrays import Array, Result
from gradc_compiler.program.deferred import ready
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import DataSource, Persistent, Program, Training, TrainStep
from gradc_compiler.transform.differentiate import differentiate
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import Diverged

TEXT = "model f(x : scalar) -> scalar {\n    param w = 2\n    log(x * w)\n}\n"
SOURCE = Source("f.nn", TEXT)


def span(text: str) -> Span:
    """Where some text stands in the spec."""
    start = TEXT.index(text)
    return Span(source=SOURCE, start=start, end=start + len(text))


def step_graph(rate: float) -> Graph:
    """One step of gradient descent on the square of log(x w)."""
    build = Builder()
    x, w = build.add(Input("x")), build.add(Read("f.w"))
    build.span = span("x * w")
    product = x * w
    build.span = span("log(x * w)")
    y = product.apply("log", product)
    loss = y * y
    (gradient,) = differentiate(build, loss, [w], mean=True)
    mean = build.add(BatchMean(), loss)
    return build.graph({"loss": mean.id, Tagged(Role.UPDATE, "f.w"): (w - gradient * rate).id})


def program(rate: float) -> Program:
    """Nothing but that step."""
    build = Builder()
    initial = build.graph({"value": build.constant(2.0).id})
    entry = Entry(
        name="step", deferred_graph=ready(step_graph(rate)), kernels=(), constants=(), phases=(),
        arrays=(Array(name="x", role="input", type=SCALAR),),
        results=(Result(name="loss", type=SCALAR, offset=0),),
        block=1, chunks=1, uniform_words=0, block_words=0, partial_words=0,
    )  # fmt: skip
    step = TrainStep(
        name="step", entry="step", gradients="", evaluate="", loss="loss", reports=(), over=("f.w",)
    )
    weight = Persistent(name="f.w", type=SCALAR, role="parameter", offset=0, initial=initial)
    return Program(
        name="f", source=TEXT, persistents=(weight,), persistent_words=1, models={},
        entries={"step": entry}, data=(DataSource(name="d", fields=(("x", SCALAR),), function=""),),
        training=Training(data="d", steps=(step,), settings={"batch": 2, "held_out": 0}),
        evaluate=evaluate,
    )  # fmt: skip


def diverged(x: np.ndarray, rate: float) -> str:
    """The line that a run which must diverge ends with."""
    with pytest.raises(Diverged) as caught:
        Session(program(rate), "reference").train({"x": x}, epochs=3)
    return str(caught.value)


def test_the_first_operator_that_makes_a_nan_is_named() -> None:
    message = diverged(np.array([1.0, -1.0]), rate=0.1)
    assert message == (
        "loss is nan at step 1 (epoch 1, batch 1);"
        " first non-finite value: log at f.nn:3:5: log(x * w)"
    )


def test_an_update_that_overflows_is_caught_before_the_loss_shows_it() -> None:
    message = diverged(np.array([1.0, 1.0]), rate=1e38)
    assert message.startswith("loss is nan at step 2 (epoch 2, batch 1)")
    assert "log at f.nn:3:5" in message
    message = diverged(np.array([1e-30, 1e-30]), rate=1e38)
    assert message.startswith("a parameter is no longer finite at step 1 (epoch 1, batch 1)")


def blamed(body: str, x: np.ndarray, target: str, reports: str = "") -> str:
    """What the report says of a model that diverges in its first step."""
    text = (
        f"model f(x : [2]) -> scalar {{\n    param w = 1\n{body}\n}}\n"
        'data d(x : [2]) = npz("none.npz")\n'
        f"train on d {{ minimize f(x); using sgd(lr = 0.1); {reports} }}\n"
    )
    with pytest.raises(Diverged) as caught:
        Session(compile_source(text, "f.nn"), target).train({"x": x}, epochs=1, held_out=0)
    return str(caught.value).partition("first non-finite value: ")[2]


X = np.array([[0.5, -1.0], [2.0, -3.0], [0.25, -0.5]])
BLAME = {
    "a branch that was not taken": (
        "    a = where(x > 0, sqrt(x), 0)\n    sum(a) * w + log(w - 1)",
        "log at f.nn:4:18",
    ),
    "a branch that was": (
        "    a = where(x > 0, 0, sqrt(x))\n    sum(a) * w + where(w > 0, w, log(w - 2))",
        "sqrt at f.nn:3:25",
    ),
    "within a branch, below another operator": (
        "    a = where(x > 0, w, exp(sqrt(x) * 2))\n    sum(a * w)",
        "sqrt at f.nn:3:29",
    ),
    "a slope": ("    sum(x * (w - 1)^0.5)", "div (vjp of sqrt) at f.nn:3:13"),
    "one element of many": ("    sum(log(x[0:1] * w)) + sum(log(x * x)) / sum(x[1:2] + 1)", "div"),
}


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize("case", BLAME)
def test_only_what_reached_the_loss_is_to_blame(case: str, target: str) -> None:
    body, wanted = BLAME[case]
    assert blamed(body, X, target).startswith(wanted)


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_a_report_alone_may_go_wrong(target: str) -> None:
    reports = "report where(x[0] > 0, 1, sqrt(-x[0])), log(-x[0])"
    found = blamed("    sum(x) * w", X, target, reports)
    assert found.startswith("log at ")
