"""Small specs that once were wrong: each is what its head says, on every target and in both widths.

Each stands for a kind of fault; the tests of that kind stand beside the code that was mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc

HERE = Path(__file__).parent / "right"
NAN, INF = np.nan, np.inf
TARGETS = [("reference", 1), ("cpu", 1), ("cpu", 2)]
every = pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t[0]}{t[1]}")


def opened(name: str, target: tuple[str, int], dtype: str = "float32") -> gradc.Session:
    return gradc.Session(gradc.compile_file(HERE / f"{name}.nn"), target[0], dtype, target[1])


def refused(name: str) -> list[str]:
    """The codes of the diagnostics of a spec."""
    with pytest.raises(gradc.CompileError) as caught:
        gradc.compile_file(HERE / f"{name}.nn")
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def close(found: Any, wanted: Any, rtol: float = 1e-5) -> None:
    np.testing.assert_allclose(np.asarray(found, np.float64), wanted, rtol=rtol, atol=1e-30)


@every
def test_three_factors(target: tuple[str, int]) -> None:
    session, rng = opened("three_factors", target), np.random.default_rng(0)
    y, z = rng.normal(size=(2, 7, 9))
    table = np.asarray(session.parameters["form.T"], np.float64)
    close(session.run("form", y=y, z=z), np.einsum("ni,ij,nj->n", y, table, z), rtol=1e-4)


@every
def test_uses_of_a_state_count(target: tuple[str, int]) -> None:
    session = opened("counted_uses", target)
    close(session.run("f", x=[[1.0]], y=[[1.0]]), [[3.0]])
    session.step(x=[[1.0]], y=[[1.0]])
    assert [float(v) for n, v in session.memory.views.items() if n.endswith("uses")] == [2.0]


@every
def test_a_layer_named_without_brackets_is_one(target: tuple[str, int]) -> None:
    session = opened("named_without_brackets", target)
    assert [session.parameters[name].shape for name in session.parameters] == [(2,)]


@every
def test_the_derivative_of_a_batch_mean_is_the_batchs(target: tuple[str, int]) -> None:
    told = opened("grad_of_batch_mean", target).step(x=[0.1, 0.5, -2.0], y=[1.0, 2.0, 3.0])
    close(told["A"], told["B"])


@every
def test_each_step_has_its_own_schedule(target: tuple[str, int]) -> None:
    session = opened("two_schedules", target)
    for sum_of_rates in (1, 1.75, 2.25, 2.5, 2.5):
        session.step(x=np.ones(3), **others(session, {"x"}))
        close([session.parameters[n] for n in session.parameters], [-sum_of_rates] * 2)


def others(session: gradc.Session, given: set[str]) -> dict[str, np.ndarray]:
    """Ones for fields that nothing is about."""
    return {name: np.ones(3) for name in session.fields if name not in given}


@every
@pytest.mark.parametrize(
    ("x", "moves"),
    [((0, 0), (0, 0)), ((3, 4), (-0.6, -0.8)), ((1e20, 1e20), (-0.70710678, -0.70710678))],
)
def test_clip_keeps_the_direction(target: tuple[str, int], x: Any, moves: Any) -> None:
    session = opened("clip_norm", target)
    session.step(x=[x])
    close(session.parameters["f.p"], moves)


@every
def test_a_compensated_optimizer_moves(target: tuple[str, int]) -> None:
    session = opened("compensated", target)
    for _ in range(1000):
        session.step(x=[1.0])
    close(session.parameters["f.p"], 1 - 1e-5, rtol=3e-8)


@every
def test_a_staircase_falls_where_it_says(target: tuple[str, int]) -> None:
    session = opened("staircase", target)
    for n in range(1, 84):
        session.step(x=[1.0], **{k: v[:1] for k, v in others(session, {"x"}).items()})
        close(session.parameters["f.p"], -sum(0.5 ** (t // 41) for t in range(n)))


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_powers_at_the_edges(target: tuple[str, int], dtype: str) -> None:
    session = opened("pow_both", target, dtype)
    found = session.run("f", a=[0, 0, 0, -2, 0], b=[1, 2, 0, 2, 0.5])
    close(found["y"], [0, 0, 1, 4, 0])
    close(found["by_a"], [1, 0, 0, -4, INF])
    close(found["by_b"][[0, 1, 4]], [0, 0, 0])


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_nothing(target: tuple[str, int], dtype: str) -> None:
    found = opened("times_zero", target, dtype).run("f", x=[0.0])
    assert all(np.isnan(value).all() for value in found.values())
    through = opened("nan_through", target, dtype)
    for place in np.ndindex(2, 2, 1):
        image = np.zeros((1, 2, 2, 1))
        image[(0, *place)] = NAN
        assert all(np.isnan(v).all() for v in through.run("f", x=image).values())
    assert list(through.run("labels", x=[[0, 1, NAN, 2], [NAN, 1, 3, 2]])) == [2, 0]


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lengths_and_logarithms_at_the_ends(target: tuple[str, int], dtype: str) -> None:
    session = opened("long_and_short", target, dtype)
    found = session.run("f", x=[[3e20, 4e20], [3e-25, 4e-25]])
    close(found["length"], [5e20, 5e-25])
    close(found["slope"], [[0.6, 0.8]] * 2)
    sums = opened("logsumexp_of_nothing", target, dtype).run("f", c=[[0, 0], [0, 3], [1e30, 1e30]])
    close(sums["y"], [-INF, np.log(3), np.log(2e30)])
    close(sums["share"][1:], [[0, 1], [0.5, 0.5]])


@every
def test_whole_quotients(target: tuple[str, int]) -> None:
    session = opened("whole_quotients", target)
    found = session.run("runs", a=[41, 1, 1e10], b=[41, 0.1, 3])
    close(found["quotient"][:2], [1, 9])
    close(found["rest"], [0, 0.09999999, 1], rtol=1e-6)
    assert 0 <= session.run("runs", a=[-1e-30], b=[1])["rest"][0] < 1
    by_41 = session.run("by_41", a=[41.0 * k for k in range(1, 200)])
    close(by_41["quotient"], range(1, 200))
    close(by_41["rest"], [0] * 199)
    close(by_41["floor"], range(1, 200))
    known = session.run("known", x=[0.0])
    close(known["quotients"], [[1, -4, -3, 10, 30]])
    close(known["rests"], [[0, 2, -2, 0, 0]])


@every
def test_a_gradient_in_a_cell(target: tuple[str, int]) -> None:
    found = opened("grad_in_cell", target, "float64").run("go", z=[[0.3, -0.2]])
    x = np.array([0.3, -0.2])
    steps = int(re.findall(r"unfold\((\d+)", (HERE / "grad_in_cell.nn").read_text())[0])
    for _ in range(steps):
        x = x - 0.05 * 2 * np.tanh(x) * (1 - np.tanh(x) ** 2)
    close(found, [x])


@every
def test_a_tensor_in_a_tuple(target: tuple[str, int]) -> None:
    session = opened("tensor_in_a_tuple", target)
    close(session.run("alone", x=[3.0]), [[3, 6]])
    found = session.run("part", x=[3.0])
    close(found["y"], [[3, 6]])
    close(found["z"], [3])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("table_too_small", "E0307"),
        ("schedule_of_nothing", "E0403"),
        ("pool_in_padding", "E0405"),
        ("pipe_and_plus", "E0129"),
    ],
)
def test_what_is_refused_while_compiled(name: str, code: str) -> None:
    found = refused(name)
    assert set(found) == {code}
    assert len(found) == (2 if name in ("pool_in_padding", "pipe_and_plus") else 1)


@every
def test_a_place_beyond_the_rows_is_told(target: tuple[str, int]) -> None:
    session = opened("place_beyond", target)
    close(session.run("f", xs=[np.zeros((3, 1))])[0], [[10], [20], [30]])
    with pytest.raises(gradc.RunError, match=r"place 3 of xs.*3 rows.*place_beyond\.nn:5"):
        session.run("f", xs=[np.zeros((5, 1))])


@contextmanager
def absolute_first_values(session: gradc.Session) -> Iterator[None]:
    for name in session.parameters:
        session.parameters[name] = np.abs(session.parameters[name])
    yield


@every
@pytest.mark.parametrize("bright", [1.0, 1e4, 1e6])
def test_exact_convolutions_stay_within_their_windows(
    target: tuple[str, int], bright: float
) -> None:
    program = gradc.compile_file(HERE / "no_negative.nn", exact=True)
    session = gradc.Session(program, target[0], "float32", target[1])
    image = np.zeros((1, 24, 24, 16))
    image[0, 10, 10] = bright
    with absolute_first_values(session):
        found = session.run("f", x=image)
    inside = np.zeros((24, 24), bool)
    inside[9:12, 9:12] = True
    assert found.min() >= 0 and not found[0][~inside].any()
    assert np.isfinite(session.run("roots", x=image)).all()


def test_the_operator_to_blame_is_the_one_that_reached_the_loss() -> None:
    session = opened("who_is_to_blame", ("cpu", 1))
    with pytest.raises(gradc.RunError) as caught:
        session.train(session.dataset())
    assert "first non-finite value: log at" in str(caught.value)


@every
def test_ones_are_counted(target: tuple[str, int]) -> None:
    session, ones = opened("many_ones", target), np.ones((1, 20_000_000), np.float32)
    found = session.run("whole", x=ones)
    close([found["sum"], found["mean"]], [[20_000_000], [1]], rtol=1e-7)
    columns = session.run("columns", x=ones.reshape(1, -1, 2))
    close(columns["sum"], [[10_000_000] * 2], rtol=1e-7)
