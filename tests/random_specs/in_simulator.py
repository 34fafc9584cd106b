"""Random specs in the CUDA simulator equal the reference: forward passes, gradients, updates.

Not collected by itself: `tests/runtime/cuda/test_simulator.py` runs it in a process that has the
simulator.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial

import pytest

from gradc_runtime.cli.actions.moves import moves
from gradc_runtime.cli.actions.verify import values_and_updates
from tests.random_specs.checking import DOUBLE, FEW, SHORT, compiled, trial_of
from tests.random_specs.programs import spec

HERE, MANY = 12, 150


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=[pytest.mark.wide] * (n >= HERE)) for n in range(MANY)]
)
def test_a_random_spec_equals_the_reference(number: int) -> None:
    text = spec(random.Random(1000 + number).randrange)
    made = compiled(text)
    trial = trial_of(made, text, number)
    trial = replace(trial, examples=min(trial.examples, FEW), longest=min(trial.longest, SHORT))
    found, wanted = (replace(trial, target=t).results() for t in ("cuda", "reference"))
    known = partial(moves, made, replace(trial, target="reference"))
    for check in values_and_updates(known, "cuda", "reference", found, wanted, DOUBLE):
        assert check.holds, f"{check.difference:.3g} at {check.worst} of\n{text}"
