"""Autoencoders, the VAE and the regularised network: right derivatives, native steps, learning."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.program import Program
from gradc_runtime.cli.actions.slopes import gradient_error
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.training.trainer import Trainer

SPECS = Path(__file__).parents[2] / "specs"
SIZES = {
    "autoencoder": 210_130,
    "denoising": 209_968,
    "conv_autoencoder": 38_915,
    "vae": 210_196,
    "regularised": 109_386,
}
every_spec = pytest.mark.parametrize("name", SIZES)


@cache
def program_of(name: str) -> Program:
    """A spec of the collection, compiled."""
    return compile_file(SPECS / f"{name}.nn")


def sessions(name: str, *targets: str) -> list[Session]:
    """Sessions in float64 that start from the same numbers."""
    return [Session(program_of(name), target, "float64", 2, 0) for target in targets]


@every_spec
def test_size_and_data(name: str) -> None:
    (session,) = sessions(name, "reference")
    assert sum(view.size for view in session.parameters.values()) == SIZES[name]
    assert session.dataset().examples == 1797
    assert len((SPECS / f"{name}.nn").read_text().splitlines()) <= 40


@every_spec
def test_gradient_agrees_with_differences(name: str) -> None:
    (session,) = sessions(name, "reference")
    (step,) = session.training.steps
    joint, inputs = session.program.entries[step.gradients].graph, session.dataset().take(slice(3))
    found = gradient_error(session, step, joint, inputs, seed=0)
    assert found is not None and found[0] < 1e-6, found


@every_spec
def test_native_steps_agree_with_the_reference_and_lower_the_loss(name: str) -> None:
    native, oracle = sessions(name, "cpu", "reference")
    data = native.dataset()
    for start in (0, 5):
        few = data.take(slice(start, start + 5))
        assert native.step(**few)["loss"] == pytest.approx(oracle.step(**few)["loss"], rel=1e-11)
    for key, view in native.memory.views.items():
        wanted = oracle.memory.views[key]
        atol = 1e-9 * float(np.abs(wanted).max(initial=1e-3))
        np.testing.assert_allclose(view, wanted, rtol=0, atol=atol, err_msg=key)
    settings = resolve(native.training.settings, epochs=2, held_out=0.0)
    rows = Trainer(native, data.select(np.arange(640)), settings).run().rows
    assert rows[1]["loss"] < 0.95 * rows[0]["loss"]


def test_the_code_is_a_point_and_draws_from_the_prior_are_images() -> None:
    (session,) = sessions("vae", "reference")
    code = session.run("encode", image=session.dataset().take(slice(2))["image"])
    assert code["mu"].shape == code["log_var"].shape == (2, 2)
    images = session.run("generate", 3)
    assert images.shape == (3, 28, 28, 1) and np.all((images > 0) & (images < 1))
    assert np.any(images[0] != images[1])


def test_patience_stops_the_regularised_run_early() -> None:
    session = Session(program_of("regularised"), "cpu", seed=0)
    summary = session.train()
    scores = [row["held_out.loss"] for row in summary.rows]
    assert summary.stopped_early and len(scores) < session.training.settings["epochs"]
    assert min(scores) == scores[-1 - int(session.training.settings["patience"])]
