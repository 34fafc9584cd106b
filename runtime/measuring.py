"""Means of a network's losses and reports over a data set, in evaluation mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runtime.data import Dataset
from runtime.reach import require_rows_of_data
from runtime.targets import examples_of

if TYPE_CHECKING:
    from runtime.session import Session

EXAMPLES_AT_ONCE = 1000
ELEMENTS_AT_ONCE = 20_000  # of sequences, counted as long as the longest


def measured(session: Session, data: Dataset) -> dict[str, float]:
    """The means over a data set that has been checked; nothing is updated."""
    entries = [session.program.entries[step.evaluate] for step in session.training.steps]
    require_rows_of_data(entries, data)
    totals = dict[str, float]()
    at_once = max(1, min(EXAMPLES_AT_ONCE, ELEMENTS_AT_ONCE // data.longest))
    for start in range(0, data.examples, at_once):
        batches = data.take(slice(start, start + at_once))
        count = examples_of(batches)
        for step in session.training.steps:
            results, outputs = session.once(step.evaluate, batches)
            for name, key in session.metrics(step).items():
                values = np.asarray(outputs[key] if key in outputs else results[key])
                share = float(np.mean(values, dtype=np.float64)) * count
                totals[name] = totals.get(name, 0.0) + share
    return {name: total / data.examples for name, total in totals.items()}
