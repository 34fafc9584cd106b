"""Random specs in C: compiled strictly, and within rounding of the reference."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.emitted.scalar_writer import NotPrinted
from tests.compiler.c.emitting import NEEDS_CC, Emitted
from tests.compiler.c.sequences import Sequences, joined
from tests.random_specs.programs import spec

pytestmark = NEEDS_CC
NARROW, WIDE = 24, 600
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


def test_random_models(tmp_path: Path) -> None:
    assert sum(agrees(number, tmp_path / str(number)) for number in range(NARROW)) > NARROW // 2


@pytest.mark.wide
@pytest.mark.parametrize("first", range(NARROW, WIDE, 24))
def test_many_random_models(tmp_path: Path, first: int) -> None:
    numbers = range(first, first + 24)
    assert sum(agrees(number, tmp_path / str(number)) for number in numbers) > 0
