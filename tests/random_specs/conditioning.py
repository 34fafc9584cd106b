"""How far a program itself moves its results, when what it starts from moves by a rounding.

A random program may grow its numbers beyond all bounds, and take the sine of them: two right ways
to evaluate it then differ by more than any fixed bound.  So a disagreement counts by what it is
beyond the program's own sensitivity; a wrong number is greater by far.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradc_runtime.certificates.distances import AfterUpdate, Results
from tests.random_specs.trials import Ranged

NUDGE = 2.0**-50  # relative: some roundings of float64
MARGIN = 64  # a run makes many roundings, the nudge is one


def nudged(trial: Ranged) -> Ranged:
    """The trial with first values that are some roundings off, each in a direction of its own."""
    draws = np.random.default_rng(trial.seed)
    start = {
        name: values * (1 + NUDGE * draws.choice([-1, 1], values.shape))
        if values.dtype.kind == "f" else values
        for name, values in trial.start.items()
    }  # fmt: skip
    return replace(trial, start=start)


def sensitivity(trial: Ranged, wanted: Results) -> Results:
    """For each result, how far it may be from `wanted`, which this trial gave on the reference."""
    moved = nudged(replace(trial, target="reference")).results()
    with np.errstate(invalid="ignore"):
        apart = {key: MARGIN * np.abs(moved[key] - values) for key, values in wanted.items()}
    return {key: np.where(np.isfinite(room), room, 0.0) for key, room in apart.items()}


def part_of(results: Results, *, updates: bool) -> Results:
    """What persists after updates, or all the rest."""
    return {k: v for k, v in results.items() if isinstance(k, AfterUpdate) == updates}
