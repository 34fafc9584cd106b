"""Schedules: float64 at every width and on every target, a count for each step, of many bits."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.training.schedules import AHEAD
from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.checkpoint import Checkpoint
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import CheckpointError
from tests.runtime.session.noisy import NOISY

ONE = """
model f(x : scalar) -> scalar {{
    param p = 0
    p * x
}}
data d(x : scalar) = line()
train on d {{
    minimize f(x)
    using sgd(lr = {0})
}}
"""
TWO = """
model f(x : scalar) -> scalar {
    param p = 0
    p * x
}
model g(x : scalar) -> scalar {
    param q = 0
    q * x
}
data d(x : scalar) = line()
train on d {
    step one {
        minimize f(x)
        using sgd(lr = linear(1, 0, 4))
    }
    step two {
        minimize g(x)
        using sgd(lr = linear(1, 0, 4))
    }
}
"""
TARGETS = [("reference", 1), ("cpu", 1), ("cpu", 2)]
X = np.ones(1, np.float32)


def moves(session: Session, steps: int) -> list[float]:
    """How far each of some single steps moves p, of which the derivative is 1."""
    found = []
    for _ in range(steps):
        session.parameters["f.p"][...] = 0
        session.step(x=X)
        found.append(-float(session.parameters["f.p"]))
    return found


@pytest.mark.parametrize(("target", "threads"), TARGETS)
def test_each_step_counts_its_own_updates(target: str, threads: int) -> None:
    session = Session(compile_source(TWO), target, threads=threads)
    found = []
    for _ in range(6):
        session.step(x=X)
        found.append((float(session.parameters["f.p"]), float(session.parameters["g.q"])))
    assert found == [(-p, -p) for p in (1, 1.75, 2.25, 2.5, 2.5, 2.5)]


@pytest.mark.parametrize(("target", "threads"), TARGETS)
@pytest.mark.parametrize("rate", ["step_decay(1, 41, 0.5)", "step_decay(1, 49, 0.5)"])
def test_a_staircase_falls_at_its_step(target: str, threads: int, rate: str) -> None:
    """41 / 41 is 1 and 49 / 49 is, though no reciprocal in float32 says so."""
    session, every = (
        Session(compile_source(ONE.format(rate)), target, threads=threads),
        int(rate[14:16]),
    )
    assert moves(session, 2 * every + 1) == [0.5 ** (t // every) for t in range(2 * every + 1)]


@pytest.mark.parametrize(("target", "threads"), TARGETS)
def test_many_steps_in_one_call_are_single_steps(target: str, threads: int) -> None:
    """Beyond the end of the tables; the sum of float32 numbers is in the order of steps."""
    program, steps = compile_source(ONE.format("exponential_decay(1, 0.999)")), AHEAD + 50
    session = Session(program, target, threads=threads)
    found = session.advance({"x": np.ones(steps, np.float32)}, steps)
    assert found["loss"].shape == (steps,)
    wanted = np.cumsum((0.999 ** np.arange(steps)).astype(np.float32), dtype=np.float32)
    np.testing.assert_array_equal(found["loss"][1:], -wanted[:-1])
    single = Session(program, target, threads=threads)
    for _ in range(0 if target == "reference" else steps):
        single.step(x=X)
    if target != "reference":
        np.testing.assert_array_equal(single.parameters["f.p"], session.parameters["f.p"])


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize("count", [2**24, 2**31 - 2, 2**32 - 1, 2**40 + 1])
def test_the_count_goes_on_where_32_bits_end(target: str, count: int) -> None:
    session = Session(compile_source(ONE.format(f"linear(0, 8, {count + 8}) ")), target)
    (ahead,) = session.tables.of.values()
    ahead.fill(count)
    wanted = [np.float32(8 * (t / (count + 8))) for t in range(count, count + 4)]
    assert moves(session, 4) == [float(w) for w in wanted]
    assert ahead.count == count + 4


@pytest.mark.parametrize("count", [2**24 - 2, 2**31 - 2, -2])
def test_draws_go_on_as_the_reference_has_them(count: int) -> None:
    """The word that they are keyed by counts in whole numbers; -2 is 2^32 - 2."""
    found = {}
    for target in ("reference", "cpu"):
        session = Session(compile_source(NOISY.replace("RATE", "1")), target, seed=3)
        session.memory.views["step"][...] = count
        found[target] = [session.step(x=X)["loss"] for _ in range(4)]
    np.testing.assert_allclose(found["cpu"], found["reference"], rtol=1e-5)
    assert len(set(found["cpu"])) == 4


def test_a_checkpoint_keeps_the_counts_and_no_table(tmp_path) -> None:
    session = Session(compile_source(TWO))
    for _ in range(3):
        session.step(x=X)
    session.save(tmp_path / "a")
    assert "one.schedule/lr" not in session.tables.saved()
    other = Session(compile_source(TWO))
    other.load(tmp_path / "a")
    for both in (session, other):
        both.step(x=X)
    assert other.parameters["g.q"] == session.parameters["g.q"] == -2.5
    plain = Session(compile_source(TWO.replace("linear(1, 0, 4)", "0.1")))
    plain.load(tmp_path / "a")  # the same weights, at another rate
    plain.save(tmp_path / "b")
    other.load(tmp_path / "b")  # and back: the steps took turns
    assert [a.count for a in other.tables.of.values()] == [3, 3]


def test_a_count_that_is_none_is_refused() -> None:
    session = Session(compile_source(TWO))
    for wrong in (np.array(-1), np.array(1.0), np.array([1])):
        tensors = session.tables.saved() | {"one.schedule/count": wrong}
        with pytest.raises(CheckpointError, match="no count of updates"):
            session.tables.restore(Checkpoint(tensors=tensors, state={}))


def test_a_small_step_with_a_schedule_is_one_kernel() -> None:
    entry = compile_source(ONE.format("warmup(cosine(1e-2, 600), 50)")).entries["step/train"]
    assert entry.whole_step is not None


@pytest.mark.parametrize("length", [0, -3, "1 - 1"])
@pytest.mark.parametrize(
    "schedule",
    ["linear(1, 0, {})", "cosine(1, {})", "warmup(1, {})", "step_decay(1, {})",
     "warmup(cosine(1, {}), 10)", "linear(1, 0, steady({}))"],
)  # fmt: skip
def test_schedules_of_no_length_are_refused(schedule: str, length: int | str) -> None:
    with pytest.raises(CompileError, match="E0403"):
        compile_source(ONE.format(schedule.format(length)))
