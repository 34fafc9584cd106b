"""Members of a team share instructions on short rows by examples, hardly waiting and to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.cpu.partition.divide import tasks_of
from gradc_runtime.cpu.threads.adaptive import ParallelChoice
from gradc_runtime.session.session import Session

BENCH = Path(__file__).resolve().parents[3] / "bench" / "specs"
FUNCTIONS = ("exp", "expm1", "tanh", "sin", "cos", "sigmoid", "softplus", "gelu", "erf", "softmax")
POSITIVE = ("log", "log1p", "sqrt", "lgamma")
LINES = "\n".join(
    [
        *(f"    {name}1 = {name}(x * w)" for name in FUNCTIONS),
        *(f"    {name}1 = {name}(x * x + 0.5)" for name in POSITIVE),
    ]
)
TOTAL = " + ".join(f"{name}1" for name in (*FUNCTIONS, *POSITIVE))
SPEC = f"""
model f(x : [N]) -> [N] {{
    param w : [N] ~ normal(0, 2)
{LINES}
    {TOTAL}
}}
"""


@pytest.fixture(autouse=True)
def always_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little there is to do, all threads take part."""
    monkeypatch.setattr(ParallelChoice, "choose", lambda self, steps, *unused: (steps, True))
    monkeypatch.setattr(ParallelChoice, "brief", False)


def of_width(width: int) -> Program:
    return compile_source(SPEC.replace("N", str(width)), without=["whole-step"])


@pytest.mark.parametrize("width", [1, 3, 10])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_members_cut_short_rows_changes_no_bit(width: int, dtype: str) -> None:
    program, rng = of_width(width), np.random.default_rng(width)
    x = rng.normal(scale=3, size=(37, width)).astype(dtype)
    one, *others = (
        Session(program, threads=threads, dtype=dtype, seed=1).run("f", x=x)
        for threads in (1, 3, 5, 16)
    )
    for found in others:
        np.testing.assert_array_equal(found, one)


def test_a_softmax_is_shared_by_examples_almost_without_waiting() -> None:
    program = compile_file(BENCH / "cnn.nn")
    entry = program.entries[program.training.steps[0].entry]
    phase = next(phase for phase in entry.phases if phase.examples)
    tasks = tasks_of(entry, phase, 16, 4)
    short = [k for k, task in enumerate(tasks) if "13:27" in task.instruction.note]
    assert len(short) > 8  # of cross-entropy, on rows of 10 numbers and of one
    assert all(tasks[k].by_examples for k in short)
    waits = sum(tasks[k].wait for k in short[1:])
    assert waits <= 2  # where a value takes the words of another of a different size
