"""Random specs as Numba modules: models, gradients and steps are within rounding of the reference.

A module is plain Python too: a few specs run without Numba's compiler, which takes half a minute
for each; the wide ones are compiled.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from gradc_compiler.emitted.scalar_writer import NotPrinted
from tests.compiler.numba_module.emitting_numba import PLAIN, Module, compare, drawn
from tests.random_specs.programs import spec

NARROW, WIDE, FIRST_COMPILED = 5, 205, 1_000
COUNT, STEPS = 3, 2


def agrees(number: int, folder: Path, env: dict[str, str]) -> bool:
    """Hold all functions of a spec's module against the reference; False where it has no text."""
    draws = random.Random(number)
    text = spec(draws.randrange)
    try:
        made = Module(text, folder, f"spec_{number}", "float64", "reference")
    except NotPrinted:
        return False
    calls, wanted = [], []
    for what, given, answer in asked(made, number):
        calls.append((what, given))
        wanted.append(answer)
    for (what, _), found, value in zip(calls, made.run(calls, env), wanted, strict=True):
        close(found, value, f"{what} of\n{text}")
    return True


def asked(made: Module, number: int) -> list[tuple[str, dict[str, Any], Any]]:
    """Calls of a module, and what a session answers to them one after another."""
    session, found = made.session, list[tuple[str, dict[str, Any], Any]]()
    for model, types in made.program.inputs.items():
        inputs = drawn(types, COUNT, least=number % 2)
        if inputs:
            found.append((model, inputs, session.run(model, **inputs)))
    batch = drawn(session.fields, COUNT, least=number % 2)
    steps = session.training.steps
    mark = f"_{steps[0].name}" if len(steps) > 1 else ""
    gradients = session.gradients(steps[0].name, **batch)
    found.append((f"loss_and_gradients{mark}", batch, gradients))
    found += [("step", batch, session.step(**batch)) for _ in range(STEPS)]
    return found


def close(found: Any, wanted: Any, text: str) -> None:
    """Equal within rounding, NaN where NaN is."""
    if isinstance(wanted, tuple):
        found, wanted = list(found), list(wanted)
    compare(found, wanted, rtol=1e-6, atol=1e-8, err_msg=text)


def test_random_modules(tmp_path: Path) -> None:
    assert sum(agrees(number, tmp_path, PLAIN) for number in range(NARROW)) > NARROW // 2


@pytest.mark.wide
@pytest.mark.parametrize("first", range(NARROW, WIDE, 10))
def test_many_random_modules(tmp_path: Path, first: int) -> None:
    assert sum(agrees(number, tmp_path, PLAIN) for number in range(first, first + 10)) > 0


@pytest.mark.wide
@pytest.mark.parametrize("number", range(FIRST_COMPILED, FIRST_COMPILED + 20))
def test_random_modules_compiled(tmp_path: Path, number: int) -> None:
    agrees(number, tmp_path, {})
