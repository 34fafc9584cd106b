"""What is right of each spec of `right/`, as its head says: a check for each, in any way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import Diverged, RunError

FOLDER = Path(__file__).parent / "right"
LONG = 20_000_000
RATES = np.array([1, 1.75, 2.25, 2.5, 2.5])


@dataclass(frozen=True)
class Way:
    """Where and how a spec runs."""

    target: str
    dtype: str
    threads: int = 1
    without: tuple[str, ...] = ()

    def session(self, name: str, exact: bool = False) -> Session:
        program = compile_source(text_of(name), f"{name}.nn", exact=exact, without=self.without)
        return Session(program, self.target, self.dtype, self.threads, seed=1)


CASES: dict[str, Callable[[Way], None]] = {}


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.nn").read_text()


def case(check: Callable[[Way], None]) -> Callable[[Way], None]:
    """The check of the spec of that name."""
    CASES[check.__name__] = check
    return check


def given(way: Way, *numbers: Any) -> Any:
    """One batch of examples, in the run's width."""
    return np.array(numbers, way.dtype)


def close(way: Way, found: Any, wanted: Any) -> None:
    """Equal but for rounding, NaN and infinities in the same places."""
    rtol = 1e-6 if way.dtype == "float32" else 1e-12
    np.testing.assert_allclose(found, wanted, rtol=rtol)


@case
def clip_norm(way: Way) -> None:
    for slope, move in (((0, 0), (0, 0)), ((3, 4), (0.6, 0.8)), ((1e20, 1e20), (0.5**0.5,) * 2)):
        session = way.session("clip_norm")
        session.step(x=given(way, slope))
        close(way, session.parameters["f.p"], -np.array(move))


@case
def compensated(way: Way) -> None:
    session = way.session("compensated")
    steps = 100 if way.target == "reference" else 10_000
    session.advance({"x": np.ones(steps, way.dtype)}, steps)
    close(way, session.parameters["f.p"], 1 - 1e-8 * steps)


@case
def counted_uses(way: Way) -> None:
    session = way.session("counted_uses")
    found = session.step(x=given(way, [3], [5]), y=given(way, [10], [20]))
    close(way, found["loss"], (3 + 20 + 5 + 40) / 2)
    assert session.memory.views["f.c.uses"] == 2


@case
def grad_in_cell(way: Way) -> None:
    z = np.array([[1.0, 0.5], [-2.0, 3.0]])
    found = way.session("grad_in_cell").run("go", z=z.astype(way.dtype))
    for _ in range(20):
        z = z - 0.05 * 2 * np.tanh(z) * (1 - np.tanh(z) ** 2)
    np.testing.assert_allclose(found, z, rtol=1e-5 if way.dtype == "float32" else 1e-12)


@case
def grad_of_batch_mean(way: Way) -> None:
    batch = {"x": given(way, -1, 0.5, 2), "y": given(way, 1, 2, -1)}
    found = way.session("grad_of_batch_mean").step(**batch)
    assert found["B"] > 0
    np.testing.assert_allclose(found["A"], found["B"], rtol=1e-5)


@case
def logsumexp_of_nothing(way: Way) -> None:
    found = way.session("logsumexp_of_nothing").run("f", c=given(way, (0, 0), (0, 3), (1e30, 1e30)))
    close(way, found["y"], [-np.inf, np.log(3), np.log(2) + 30 * np.log(10)])
    close(way, found["share"][1:], [(0, 1), (0.5, 0.5)])


@case
def long_and_short(way: Way) -> None:
    found = way.session("long_and_short").run("f", x=given(way, (3e20, 4e20), (3e-25, 4e-25)))
    close(way, found["length"], [5e20, 5e-25])
    close(way, found["slope"], [(0.6, 0.8)] * 2)


@case
def named_without_brackets(way: Way) -> None:
    session = way.session("named_without_brackets")
    assert {name: view.size for name, view in session.parameters.items()} == {"f.s.w": 2}
    session.parameters["f.s.w"] = np.array([2.0, 3.0])
    close(way, session.run("f", x=given(way, (1, 10)), y=given(way, (5, 7))), [(12, 51)])


@case
def nan_through(way: Way) -> None:
    session = way.session("nan_through")
    x = np.where(np.eye(5, 4), np.nan, 0)  # in each place, and nowhere
    for found in session.run("f", x=x.reshape(5, 2, 2, 1).astype(way.dtype)).values():
        assert np.isnan(found).tolist() == [True] * 4 + [False]
    places = session.run("labels", x=given(way, (1, 2, np.nan, np.nan), (np.nan, 9, 9, 9)))
    np.testing.assert_array_equal(places, [2, 0])


@case
def no_negative(way: Way) -> None:
    session = way.session("no_negative", exact=True)
    for view in session.parameters.values():
        view[...] = np.abs(view)
    reached = np.zeros((24, 24), bool)
    reached[9:12, 9:12] = True
    for c in (1, 1e4, 1e6):
        x = np.zeros((2, 24, 24, 16), way.dtype)
        x[:, 10, 10] = c
        found = session.run("f", x=x)
        assert (found >= 0).all() and not found[:, ~reached].any() and found[:, reached].any()
        assert np.isfinite(session.run("roots", x=x)).all()


@case
def place_beyond(way: Way) -> None:
    session, one = way.session("place_beyond"), np.zeros((3, 1), way.dtype)
    np.testing.assert_array_equal(session.run("f", xs=[one])[0], [[10], [20], [30]])
    with pytest.raises(RunError, match=r"example 1: place 3 of xs.*place_beyond.nn:5:10"):
        session.run("f", xs=[one, np.zeros((5, 1), way.dtype)])
    with pytest.raises(CompileError) as refused:
        compile_source(text_of("place_beyond").replace("seq [1]", "seq(5) [1]"))
    assert refused.value.diagnostics[0].code == "E0307"


@case
def pow_both(way: Way) -> None:
    session = way.session("pow_both")
    found = session.run("f", a=given(way, 0, 0, 0, -2, 0), b=given(way, 1, 2, 0, 2, 0.5))
    close(way, found["y"], [0, 0, 1, 4, 0])
    close(way, found["by_a"], [1, 0, 0, -4, np.inf])
    close(way, found["by_b"], [0, 0, -np.inf, np.nan, 0])


@case
def staircase(way: Way) -> None:
    session, moved = way.session("staircase"), 0.0
    for t in range(83):
        session.step(x=given(way, 1))
        moved += 0.5 ** (t // 41)
        assert session.parameters["f.p"] == -moved


@case
def tensor_in_a_tuple(way: Way) -> None:
    session = way.session("tensor_in_a_tuple")
    close(way, session.run("alone", x=given(way, 3, -1)), [(3, 6), (-1, -2)])
    found = session.run("part", x=given(way, 3, -1))
    close(way, found["y"], [(3, 6), (-1, -2)])
    close(way, found["z"], [3, -1])


@case
def three_factors(way: Way) -> None:
    session, rng = way.session("three_factors"), np.random.default_rng(0)
    y, z = rng.normal(size=(2, 37, 9))
    table = session.parameters["form.T"].astype(float)
    found = session.run("form", y=y.astype(way.dtype), z=z.astype(way.dtype))
    bound = 1e-5 if way.dtype == "float32" else 1e-12
    np.testing.assert_allclose(found, np.einsum("ni,ij,nj->n", y, table, z), bound, 3 * bound)


@case
def times_zero(way: Way) -> None:
    for found in way.session("times_zero").run("f", x=given(way, 0)).values():
        np.testing.assert_array_equal(found, [np.nan])


@case
def two_schedules(way: Way) -> None:
    session = way.session("two_schedules")
    for moved in RATES:
        session.step(x=given(way, 1))
        assert session.parameters["f.p"] == session.parameters["g.q"] == -moved


@case
def who_is_to_blame(way: Way) -> None:
    data = {"x": given(way, -1, 1, -2)}
    with pytest.raises(Diverged, match=r"non-finite value: log at who_is_to_blame.nn:5:"):
        way.session("who_is_to_blame").train(data, epochs=1, held_out=0)


@case
def whole_quotients(way: Way) -> None:
    session = way.session("whole_quotients")
    found = session.run("runs", a=given(way, 41, 1e10, -1e-30), b=given(way, 41, 3, 1))
    close(way, found["quotient"], [1, 3333333333, -1])
    assert (found["rest"][:2] == [0, 1]).all() and 0 <= found["rest"][2] < 1
    tenth = session.run("runs", a=given(way, 1), b=given(way, 0.1))
    assert tenth["quotient"] == 9 and 0 < tenth["rest"] < 0.1
    close(way, tenth["rest"], 0.09999999 if way.dtype == "float32" else 0.1)
    counts = np.arange(200, dtype=way.dtype)
    found = session.run("by_41", a=41 * counts)
    np.testing.assert_array_equal([*found.values()], [counts, 0 * counts, counts])
    found = session.run("known", x=given(way, 0))
    np.testing.assert_array_equal(found["quotients"], [(1, -4, -3, 10, 30)])
    np.testing.assert_array_equal(found["rests"], [(0, 2, -2, 0, 0)])


def many_ones(model: str, way: Way) -> None:
    """Ones are counted exactly, beyond 2^24 too; of tenths the bound of sums is kept."""
    session = way.session("many_ones")
    for number in (1, 0.1):
        x = np.full((1, LONG), number, way.dtype)
        inputs = {"over_time": {"xs": x}, "columns": {"x": x.reshape(1, -1, 2)}}
        found = session.run(model, **inputs.get(model, {"x": x}))
        for name, value in ({"sum": found} if model == "product" else found).items():
            terms = LONG // 2 if model == "columns" else LONG
            wanted = {"sum": terms * number, "mean": number, "length": LONG}[name]
            np.testing.assert_allclose(value, wanted, rtol=1e-6 if number == 1 else 1e-5)
