"""What a session is opened and called with: what is meant is taken, and else one line says why."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError
from tests.runtime import linear

SPEC = """
model f(x : [2]) -> scalar { x |> dense(1) |> as(scalar) }
data d(x : [2], y : scalar) = npz("none.npz")
train on d { minimize (f(x) - y)^2 using sgd }
"""
DATA = {"x": np.ones((3, 2)), "y": np.ones(3)}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"program": "specs/curve.nn"}, "a session needs a program, as compile_file gives it"),
        ({"target": "gpu"}, "no target is called gpu; did you mean cpu"),
        ({"dtype": "float16"}, "a session is float32 or float64, not float16"),
        ({"dtype": None}, "a session is float32 or float64"),
        ({"threads": 0}, "threads is a whole number from 1 to 1024, not 0"),
        ({"threads": 1.5}, "threads is a whole number from 1 to 1024, not 1.5"),
        ({"seed": -1}, "seed is a whole number from 0 to 2147483647, not -1"),
        ({"seed": "a"}, "seed is a whole number from 0 to 2147483647, not a"),
    ],
)
def test_a_session_says_what_it_cannot_be_opened_with(given: dict[str, Any], line: str) -> None:
    with pytest.raises(SessionError, match=line):
        Session(**{"program": linear.program(), **given})


def test_a_width_may_be_a_type_of_numpy() -> None:
    session = Session(linear.program(), dtype=np.float64, threads=np.int64(1), seed=np.int64(3))
    assert (session.dtype, session.threads, session.seed) == ("float64", 1, 3)
    assert repr(session) == "<Session of line: cpu, float64>"


def test_a_data_set_may_be_arrays_and_nothing_else() -> None:
    session = Session(compile_source(SPEC), "reference")
    loss, _ = session.gradients(**DATA)
    assert session.evaluate(DATA)["loss"] == pytest.approx(loss, rel=1e-6)
    with pytest.raises(SessionError, match="data is a Dataset, a data frame or arrays"):
        session.train("data.csv")  # type: ignore[arg-type]


def test_inputs_are_given_by_name() -> None:
    session = Session(compile_source(SPEC), "reference")
    with pytest.raises(SessionError, match=r"f reads x, given by name: run\(\.\.\., x=\.\.\.\)"):
        session.run("f", DATA["x"])  # type: ignore[arg-type]


def test_a_session_stays_in_its_process() -> None:
    with pytest.raises(TypeError, match=r"save its numbers with session\.save"):
        pickle.dumps(linear.session())


def test_passes_go_by_their_names() -> None:
    assert len(repr(compile_source(SPEC, without="fusion"))) < 2000
    with pytest.raises(ValueError, match="no optimisation is called fusio; there are simplify, "):
        compile_source(SPEC, without=["fusio"])
