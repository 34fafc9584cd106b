"""Random specs in C: models and steps, compiled strictly, and within rounding of the reference."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.emitted.scalar_writer import NotPrinted
from gradc_compiler.graph.types import TensorType
from tests.compiler.c.emitting import NEEDS_CC, Emitted
from tests.compiler.c.sequences import Sequences, joined
from tests.random_specs.programs import spec

pytestmark = NEEDS_CC
NARROW, WIDE = 24, 600
STEPS_OF, TURNS = 8, 2
EXAMPLES = 4


def agrees(number: int, folder: Path) -> int:
    """Hold every model of a spec that has C against the reference; gives how many were tried."""
    draws = random.Random(number)
    text = spec(lambda n: draws.randrange(n))
    program, tried = gradc.compile_source(text), 0
    for model, entry in program.models.items():
        try:
            made = Emitted(text, entry, folder, dtype="float64", batch=EXAMPLES)
        except NotPrinted:
            continue
        given = Sequences(made, EXAMPLES, seed=number)
        if made.entry.results or not given.inputs:
            continue
        reference = gradc.Session(program, "reference", "float64", seed=0)
        wanted = reference.run(model, **given.of_session)
        wanted = wanted if isinstance(wanted, dict) else {"only": wanted}
        for found, value in zip(given.run().values(), wanted.values(), strict=True):
            value = joined(value).reshape(found.shape)
            np.testing.assert_allclose(found, value, rtol=1e-6, atol=1e-8, err_msg=text)
        tried += 1
    return tried


def steps_agree(number: int, folder: Path) -> int:
    """Hold the losses and reports of each step against the reference; how many were tried."""
    draws = random.Random(number)
    text = spec(draws.randrange)
    program, tried = gradc.compile_source(text), 0
    for step in program.training.steps if program.training else ():
        reference = gradc.Session(program, "reference", "float64", seed=0)
        reference.tables.ready()
        try:
            about = {"dtype": "float64", "batch": EXAMPLES, "values": reference.memory.views}
            made = Emitted(text, step.entry, folder / step.name, **about)
        except NotPrinted:
            continue
        made.start()
        given = Sequences(made, EXAMPLES, seed=number, least=1)
        batch = whole(given, reference.fields)
        for turn in range(TURNS):
            checked = reference.checked(step.entry, batch, reference.fields)
            results, _ = reference.once(step.entry, checked)
            wanted = [float(results[result.name][0]) for result in made.entry.results]
            told = f"{step.name}, turn {turn} of\n{text}"
            np.testing.assert_allclose(given.step(), wanted, 1e-6, 1e-8, err_msg=told)
        tried += 1
    return tried


def whole(given: Sequences, fields: Mapping[str, TensorType]) -> dict[str, Any]:
    """The inputs of a step, and zeros for fields that it does not read, which tell lengths."""
    found = dict(given.of_session)
    for name, type in fields.items():
        if name not in found and (type.time is None or type.time in given.lengths):
            zeros = np.zeros((given.rows(type), *type.shape), np.int64 if type.classes else float)
            found[name] = given.split(zeros, type)
    return found


def test_random_models(tmp_path: Path) -> None:
    assert sum(agrees(number, tmp_path / str(number)) for number in range(NARROW)) > NARROW // 2


@pytest.mark.wide
@pytest.mark.parametrize("first", range(NARROW, WIDE, 24))
def test_many_random_models(tmp_path: Path, first: int) -> None:
    numbers = range(first, first + 24)
    assert sum(agrees(number, tmp_path / str(number)) for number in numbers) > 0


def test_random_steps(tmp_path: Path) -> None:
    folders = {number: tmp_path / str(number) for number in range(STEPS_OF)}
    for folder in folders.values():
        folder.mkdir()
    assert sum(steps_agree(number, folder) for number, folder in folders.items()) > STEPS_OF // 2


@pytest.mark.wide
@pytest.mark.parametrize("first", range(STEPS_OF, WIDE, 8))
def test_many_random_steps(tmp_path: Path, first: int) -> None:
    for number in range(first, first + 8):
        (tmp_path / str(number)).mkdir()
        steps_agree(number, tmp_path / str(number))
