"""Gradients of a convolution's weights as one sum over all examples and pixels."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from gradc_compiler.fusion import stages
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Space
from gradc_compiler.program.program import Program
from gradc_runtime.session.session import Session

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
SPEC = """
layer filters(image : [h, w, c]) {{ image |> conv({units}, {form}) |> tanh }}
model net(x : [{rows}, {columns}, {channels}]) -> [2] {{
    x |> filters |> filters |> flatten |> dense(2)
}}
data batch(x : [{rows}, {columns}, {channels}], y : [2]) = npz("none.npz")
train on batch {{ minimize squared_error(net(x), y) using adam(lr = 1e-2) }}
"""
SMALL = {"rows": 4, "columns": 3, "channels": 3, "units": 5}
FORMS = ("3x3, pad = 1", "3x3, stride = 2", "2x1, pad = valid", "3x1, pad = 2, dilation = 2x1",
         "1x1", "4x4, pad = 2", "3x3, pad = ((2, 0), (0, 2))")  # fmt: skip
LARGE = {"rows": 2, "columns": 2, "channels": 80, "units": 128, "form": "3x3, pad = 1"}
WINOGRAD = {"rows": 4, "columns": 4, "channels": 192, "units": 192, "form": "3x3, pad = 1"}
TARGETS = ["cuda"] if SIMULATED else ["cpu", "reference"]
RUNS = [(name, 1) for name in TARGETS] + [("cpu", n) for n in (2, 3, 7) if not SIMULATED]
STEP = 1e-5  # of central differences


def compiled(**sizes: Any) -> Program:
    return compile_source(SPEC.format(**sizes))


def batch(program: Program, examples: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(examples)
    shape = program.inputs["net"]["x"].shape
    return {"x": rng.normal(size=(examples, *shape)), "y": rng.normal(size=(examples, 2))}


def delayed(program: Program) -> list[str]:
    """Kernels of the last serial stage of a step that read what is kept of all examples."""
    entry = program.entries["step/train"]
    carried = {k for k, array in enumerate(entry.arrays) if array.role == "carried"}
    last = entry.phases[-1].instructions
    return [
        entry.kernels[item.kernel].name
        for item in last
        if sum(o.space - Space.ARRAY in carried for o in item.operands) == 2
    ]


@pytest.mark.parametrize("sizes", [LARGE, WINOGRAD], ids=["plain", "winograd"])
def test_weights_that_are_large_beside_their_pixels(sizes: dict[str, Any]) -> None:
    program = compiled(**sizes)
    assert delayed(program) == ["contract_rows", "contract_rows"]
    assert program.entries["step/train"].partial_words < sizes["channels"] * sizes["units"]


def test_weights_that_are_small_are_summed_up_in_blocks() -> None:
    assert delayed(compiled(**SMALL, form="3x3, pad = 1")) == []


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the weights are, their gradients are one sum over all examples."""
    monkeypatch.setattr(stages, "worth_deferring", lambda factors, product: True)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("target", TARGETS[:1])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_trains_as_the_reference_does(form: str, target: str) -> None:
    """In batches of several sizes, one after the other: zeros around images must stay."""
    program = compiled(**SMALL, form=form)
    sessions = [Session(program, name, "float64") for name in (target, "reference")]
    for examples in (3, 1, 20, 3):
        losses = [s.step(**batch(program, examples))["loss"] for s in sessions]
        assert losses[0] == pytest.approx(losses[1], rel=1e-9)
    for name, value in sessions[0].parameters.items():
        np.testing.assert_allclose(value, sessions[1].parameters[name], rtol=1e-7, atol=1e-9)


def filters_of(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value for name, value in found.items() if value.ndim == 4}


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("target", "threads"), RUNS)
def test_zeros_around_images_stay_zeros(form: str, target: str, threads: int) -> None:
    """A batch gives what it gave on one thread in a session of its own, to the bit, whatever
    batches were before it: a large one, a small one, the large one again, an odd one.
    """
    program = compiled(**SMALL, form=form)
    assert len(delayed(program)) >= 2  # the dense layer, and filters behind what is no input
    mixed = Session(program, target, "float64", threads=threads)
    for examples in (7, 2, 7, 3) if SIMULATED else (20, 3, 20, 7):
        given = batch(program, examples)
        loss, found = mixed.gradients(**given)
        alone_loss, alone = Session(program, target, "float64", threads=1).gradients(**given)
        assert loss == alone_loss
        assert all(np.array_equal(value, alone[name]) for name, value in found.items())


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", TARGETS)
def test_filters_have_the_slopes_of_differences(form: str, target: str) -> None:
    """In float64, along a direction of each tensor of weights, after a batch of another size."""
    program = compiled(**SMALL, form=form)
    session, rng = Session(program, target, "float64"), np.random.default_rng(1)
    session.gradients(**batch(program, 7))
    given = batch(program, 3)
    slopes = filters_of(session.gradients(**given)[1])
    assert len(slopes) == 2
    for name, slope in slopes.items():
        start, direction = session.parameters[name].copy(), rng.normal(size=slope.shape)
        losses = []
        for step in (STEP, -STEP):
            session.parameters[name] = start + step * direction
            losses.append(session.gradients(**given)[0])
        session.parameters[name] = start
        difference = (losses[0] - losses[1]) / (2 * STEP)
        assert difference == pytest.approx(np.vdot(slope, direction), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("sizes", [LARGE, WINOGRAD], ids=["plain", "winograd"])
def test_threads_do_not_change_a_bit(sizes: dict[str, Any]) -> None:
    program, found = compiled(**sizes), []
    for threads in (1, 2, 3, 7):
        session = Session(program, "cpu", "float32", threads=threads)
        for examples in (21, 4, 21, 7):
            session.step(**batch(program, examples))
        found.append(session.memory.words.copy())
    assert all(np.array_equal(found[0], other) for other in found[1:])
