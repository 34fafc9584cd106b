"""Denormal numbers are 0 while a step runs, and numbers again when it is over."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.tuning.instruction_profile import Profile
from gradc_runtime.session.session import Session

SPEC = """
model net(x : [40]) -> [30] { x |> dense(30) }
data batch(x : [40], y : [30]) = npz("none.npz")
train on batch { minimize squared_error(net(x), y) using adam(lr = 1e-3) }
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_a_moment_whose_gradient_has_died_becomes_zero(threads: int) -> None:
    session = Session(compile_source(SPEC), threads=threads)
    (moment,) = (n for n in session.memory.views if n.endswith("m/net.dense1.W"))
    session.memory.views[moment][...] = 1.2e-38  # the next is below all normal numbers
    data = {"x": np.zeros((8, 40), np.float32), "y": np.zeros((8, 30), np.float32)}
    for _ in range(10):
        session.step(**data)
    assert not session.memory.views[moment].any()
    assert np.float32(1e-38) * np.float32(0.5) != 0, "Python's numbers are as before"


def test_a_profile_counts_them_as_zero_too() -> None:
    session = Session(compile_source(SPEC), threads=1)
    (moment,) = (n for n in session.memory.views if n.endswith("m/net.dense1.W"))
    session.memory.views[moment][...] = 1.2e-38
    data = {"x": np.zeros((8, 40), np.float32), "y": np.zeros((8, 30), np.float32)}
    runner = session.runner("step/train")
    assert isinstance(runner, Executable)
    Profile(runner, data).seconds()
    assert not session.memory.views[moment].any()
    assert np.float32(1e-38) * np.float32(0.5) != 0


FUNCTIONS = ("log(x)", "log(abs(x))", "abs(x)^0.3", "abs(x)^-0.7", "x^3", "sqrt(x)", "1 / x",
             "exp(x)", "sin(x)", "tanh(x)", "log1p(x)", "x > 0", "7 // x")  # fmt: skip


@pytest.mark.parametrize(("dtype", "below"), [("float32", 1e-40), ("float64", 1e-310)])
def test_every_function_takes_them_as_zero(dtype: str, below: float) -> None:
    text = f"model f(x : [5]) -> [{len(FUNCTIONS)}, 5] {{ stack({', '.join(FUNCTIONS)}) }}"
    session = Session(compile_source(text), dtype=dtype)
    signs = np.where(np.arange(35).reshape(7, 5) % 3, 1, -1)
    found = session.run("f", x=(signs * below).astype(dtype))
    wanted = session.run("f", x=(signs * 0.0).astype(dtype))
    tiny = np.finfo(dtype).tiny
    np.testing.assert_array_equal(np.where(np.abs(found) < tiny, 0, found), wanted)
