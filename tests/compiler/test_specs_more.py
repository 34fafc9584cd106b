"""Adversarial, residual, normalised, U-shaped and physics-informed networks, and the deep chain."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import Compilation, compilation
from gradc_compiler.syntax.parse.read_file import read_source
from gradc_runtime.cli.actions.check import untrained
from gradc_runtime.session.session import Session

SPECS = Path(__file__).parents[2] / "specs"
PARAMETERS = {  # of each spec, counted by hand from its layers
    "gan": 16 * 128 + 128 + 128 * 256 + 256 + 256 * 196 + 196 + 196 * 128 + 128 + 128 + 1,
    "wgan_gp": 77_509,
    "deep_chain": 2 * 50 * 2,
    "residual": 72 + 4 * 576 + 1_152 + 4 * 2_304 + 2 * (5 * 8 + 5 * 16) + 170,
    "batch_norm_cnn": 72 + 1_152 + 4_608 + 2 * (8 + 16 + 32) + 2_890,
    "unet": 29_321 + 2 * (8 + 16 + 32 + 16 + 8),  # two numbers a channel, no longer one
    "oscillator": 48 + 600 + 25,
}
ADVERSARIAL = ("gan", "wgan_gp")
EXAMPLES = 3


@cache
def made(name: str) -> Compilation:
    path = SPECS / f"{name}.nn"
    return compilation(read_source(path), SPECS, {}, ())


def session_of(name: str, target: str = "cpu") -> Session:
    return Session(made(name).program, target, "float64", threads=1, seed=1)


def batch_of(session: Session) -> dict[str, np.ndarray]:
    return session.dataset().take(slice(EXAMPLES))


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_spec_fits_a_page_and_trains_all_it_has(name: str) -> None:
    assert len((SPECS / f"{name}.nn").read_text().splitlines()) <= 40
    module = made(name).module
    sizes = [spec.type.size for spec in module.parameters if spec.role == "parameter"]
    assert sum(sizes) == PARAMETERS[name]
    assert untrained(made(name)) == []


@pytest.mark.parametrize("name", PARAMETERS)
def test_gradients_on_the_cpu_are_those_of_the_reference(name: str) -> None:
    native, oracle = session_of(name), session_of(name, "reference")
    for step in native.training.steps:
        loss, found = native.gradients(step.name, **batch_of(native))
        wanted_loss, wanted = oracle.gradients(step.name, **batch_of(native))
        assert loss == pytest.approx(wanted_loss, rel=1e-11)
        largest = max(np.abs(g).max() for g in wanted.values())
        for key, gradient in wanted.items():
            np.testing.assert_allclose(
                found[key], gradient, rtol=1e-9, atol=1e-12 * largest, err_msg=key
            )


@pytest.mark.parametrize("name", [n for n in PARAMETERS if n not in ADVERSARIAL])
def test_the_loss_falls(name: str) -> None:
    session = session_of(name)
    batch = batch_of(session)
    rows = [session.step(**batch) for _ in range(8)]
    for metric in (m for m in rows[0] if m.endswith("loss") and m != "vanish.loss"):
        assert rows[-1][metric] < rows[0][metric]


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_a_step_moves_what_it_names_and_nothing_else(name: str) -> None:
    session = session_of(name)
    batch = batch_of(session)
    for step, over in zip(session.training.steps, ("D", "G"), strict=True):
        assert {key.split(".")[0] for key in step.over} == {over}
        before = {key: value.copy() for key, value in session.parameters.items()}
        wanted = {key: batch[key] for key in session.inputs(step.entry)}
        session.runner(step.entry).run(wanted, batch=EXAMPLES)
        moved = {key for key, value in session.parameters.items() if (value != before[key]).any()}
        assert moved and moved <= set(step.over)
