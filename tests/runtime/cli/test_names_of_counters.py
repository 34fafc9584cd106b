"""Inputs that are called as what counts updates, or as the seed, are inputs and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradc
from tests.runtime.cli.calling import Caller

TEXT = """
model f(step : scalar, seed : scalar) -> scalar { param w = 2.0
  w * step + seed }
model g(step : scalar) -> scalar {
  noise u : scalar ~ uniform(0, 1)
  step + u }
data d(step : scalar, seed : scalar, y : scalar) = npz("n.npz")
train on d { minimize (g(step) + f(step, seed) - y)^2 using sgd(lr = 0.001), epochs 1, batch 2 }
"""
X = {"step": np.array([5.0, 7.0]), "seed": np.array([11.0, 13.0])}


def test_every_target_sees_the_same() -> None:
    program, found = gradc.compile_source(TEXT), []
    for target in ("reference", "cpu"):
        session = gradc.Session(program, target=target, dtype="float64", seed=3)
        drawn = session.run("g", step=X["step"]) - X["step"]
        assert ((drawn > 0) & (drawn < 1)).all() and drawn[0] != drawn[1]
        losses = [session.step(**X, y=np.ones(2))["loss"] for _ in range(3)]
        found.append([*drawn, *session.run("f", **X), *losses])
        one = gradc.Session(program, target=target, dtype="float64", seed=3)
        assert one.run("g", step=np.array([4.0])) == pytest.approx(drawn[:1] + 4.0)
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_verify_and_explain_see_it_too(call: Caller) -> None:
    folder: Path = call.folder
    (folder / "n.nn").write_text(TEXT)
    np.savez(folder / "n.npz", **X, y=np.ones(2))
    assert call("verify", "n.nn").code == 0
    answer = call("explain", "n.nn", "--at", "step=5", "seed=11", "y=1")
    assert answer.code == 0, answer.err
