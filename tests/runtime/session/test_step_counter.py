"""Draws go on where the 32 bits of their counter have gone round."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from gradc_runtime.session.step_counter import ROUND, StepCounter
from tests.runtime.session.noisy import NOISY

X = np.ones(3)
SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
TARGETS = ["reference", "cuda"] if SIMULATED else ["reference", "cpu"]
NEXT = (3 * 1103515245 + 12345) % 2**31  # the seed after 3


def noisy(target: str, dtype: str = "float32", rate: str = "1") -> Session:
    """A session with one update left until the counter has gone round."""
    session = Session(compile_source(NOISY.replace("RATE", rate)), target, dtype, seed=3)
    session.memory.views["step"][...] = -1 if dtype == "float32" else ROUND - 1
    return session


def losses(session: Session, steps: int) -> list[float]:
    """Of so many updates, each by itself."""
    return [session.step(x=X)["loss"] for _ in range(steps)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", ["1", "linear(1, 0.5, 9)"])
def test_draws_do_not_come_again_after_2_to_the_32_updates(dtype: str, rate: str) -> None:
    found = [losses(noisy(target, dtype, rate), 4) for target in TARGETS]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    fresh = Session(compile_source(NOISY.replace("RATE", rate)), TARGETS[1], dtype, seed=3)
    assert losses(fresh, 3) != found[1][1:] and len(set(found[1])) == 4
    session = noisy(TARGETS[1], dtype, rate)
    losses(session, 1)
    assert int(session.memory.views["seed"]) == NEXT
    other = Session(compile_source(NOISY.replace("RATE", rate)), TARGETS[1], dtype, seed=NEXT)
    other.parameters["f.p"] = session.parameters["f.p"]
    if rate == "1":
        assert losses(other, 3) == found[1][1:]  # the draws of the next seed from its first step


@pytest.mark.parametrize("target", TARGETS)
def test_many_updates_in_one_call_are_the_same(target: str) -> None:
    one, many = noisy(target), noisy(target)
    found = many.advance({"x": np.ones(4 * len(X), np.float32)}, 4)
    np.testing.assert_array_equal(found["loss"], losses(one, 4))
    assert int(many.memory.views["step"]) == 3


def test_a_checkpoint_goes_on_with_the_same_draws(tmp_path: Path) -> None:
    session, other = noisy(TARGETS[1]), noisy(TARGETS[1])
    losses(session, 2)
    session.save(tmp_path / "a")
    other.load(tmp_path / "a")
    assert losses(other, 2) == losses(session, 2)


def test_the_count_is_never_negative() -> None:
    session = noisy("cpu")
    assert StepCounter(session.memory).count == ROUND - 1
    assert StepCounter(session.memory).left == 1
