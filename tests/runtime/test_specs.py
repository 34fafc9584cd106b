"""Whole specs, from text to trained parameters, on the reference and on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.system.errors import Diverged, SessionError
from gradc_runtime.training.run_folder import RunFolder
from gradc_runtime.training.trainer import Trainer

CIRCLE = """
model inside(p : [2]) -> [2] { p |> dense(5) |> tanh |> dense(2) }
data points(p : [2], label : class(2)) = circle(200)
train on points {
    noise e : [2] ~ normal(0, 0.05)
    minimize cross_entropy(inside(p + e), label)
    using adam(lr = 1e-2), batch 32, epochs 4, seed 5
    report accuracy(inside(p), label)
}
"""
TWO = """
model G(z : [3]) -> [2] { z |> dense(4) |> tanh |> dense(2) }
model D(x : [2]) -> scalar { x |> dense(4) |> tanh |> dense(1) |> as(scalar) }
data points(p : [2]) = circle(100)
train on points {
    noise z : [3] ~ normal(0, 1)
    step discriminator { minimize (D(p) - 1)^2 + D(G(z))^2 over D using adam(lr = 1e-3) }
    step generator     { minimize (D(G(z)) - 1)^2 over G using adam(lr = 1e-3) }
    batch 16
    epochs 2
}
"""
DIVERGES = """
model f(x : scalar) -> scalar {
    param w = 1
    log(x * w)
}
data points(x : scalar, y : scalar) = sine(50)
train on points {
    minimize (f(x) - y)^2
    using sgd(lr = 0.1)
}
"""


def trained(program: Program, target: str, threads: int = 1, dtype: str = "float32") -> Session:
    """A session that has trained on the spec's own data."""
    session = Session(program, target, dtype, threads)
    session.train()
    return session


@pytest.mark.parametrize("spec", [CIRCLE, TWO], ids=["circle", "two steps"])
def test_the_cpu_does_what_the_reference_does(spec: str) -> None:
    program = compile_source(spec)
    native, oracle = (trained(program, t, dtype="float64") for t in ("cpu", "reference"))
    for name, view in native.memory.views.items():
        np.testing.assert_allclose(view, oracle.memory.views[name], rtol=1e-6, atol=1e-9)


def test_threads_do_not_change_a_bit() -> None:
    program = compile_source(CIRCLE)
    one, two = (trained(program, "cpu", threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.memory.words, two.memory.words)


def test_a_resumed_run_on_the_cpu_is_the_same_to_the_bit(tmp_path: Path) -> None:
    program = compile_source(CIRCLE)
    folder = RunFolder.new(tmp_path, "circle")
    for epochs, resume in ((2, False), (4, True)):
        session = Session(program, threads=1)
        settings = resolve(session.training.settings, seed=session.seed, epochs=epochs)
        Trainer(session, session.dataset(), settings, folder=folder).run(resume=resume)
    whole = trained(program, "cpu")
    np.testing.assert_array_equal(session.memory.words, whole.memory.words)


def test_the_step_counter_counts() -> None:
    session = trained(compile_source(CIRCLE), "cpu")
    assert session.seed == 5 and int(session.memory.views["step"]) == 4 * 5


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_a_nan_is_traced_to_the_line_of_the_spec(target: str) -> None:
    session = Session(compile_source(DIVERGES, "diverges.nn"), target)
    with pytest.raises(Diverged) as caught:
        session.train()
    assert "at step 1 (epoch 1, batch 1)" in str(caught.value)
    assert "first non-finite value: log at diverges.nn:4:5: log(x * w)" in str(caught.value)


def test_a_session_gives_what_the_contract_says() -> None:
    session = Session(compile_source(CIRCLE), threads=1)
    data = session.dataset().take(slice(10))
    assert session.run("inside", p=data["p"]).shape == (10, 2)
    loss, gradients = session.gradients(**data)
    assert list(gradients) == list(session.parameters)
    assert session.step(**data)["loss"] == pytest.approx(loss, rel=1e-5)


def test_a_model_that_only_draws_makes_as_many_as_asked() -> None:
    text = "model g() -> [2] { noise z : [2] ~ normal(0, 1); z |> dense(2) }\n"
    session = Session(compile_source(text + "model f(x : [2]) -> [2] { x |> dense(2) }\n"))
    many = session.run("g", 4)
    assert many.shape == (4, 2) and len(np.unique(many[:, 0])) == 4
    np.testing.assert_array_equal(session.run("g"), many[:1])
    session.memory.reseed(1)
    assert np.all(session.run("g", 4) != many)
    with pytest.raises(SessionError, match="f reads x, given by name"):
        session.run("f", 4, x=np.ones((4, 2)))
    with pytest.raises(SessionError, match="examples is a whole number from 1 to"):
        session.run("g", 0)
