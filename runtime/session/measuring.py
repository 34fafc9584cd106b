"""Means of a network's losses and reports over a data set, in evaluation mode."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.program.program import Program, Training, TrainStep
from gradc_runtime.data import Examples
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.session.backends import Ran, examples_of
from gradc_runtime.session.index_reach import require_rows_of_data

EXAMPLES_AT_ONCE = 1000
ELEMENTS_AT_ONCE = 20_000  # of sequences, counted as long as the longest


class Measurable(Protocol):
    """What is asked of a session here."""

    program: Program

    @property
    def training(self) -> Training:
        """The `train` block."""

    def once(self, entry: str, given: Batches) -> Ran:
        """Results of an entry, and its outputs for each example."""

    def metrics(self, step: TrainStep) -> dict[str, OutputKey]:
        """The keys of a step's loss and reports, by name."""


def measured(session: Measurable, data: Examples) -> dict[str, float]:
    """The means over a data set that has been checked; nothing is updated."""
    entries = [session.program.entries[step.evaluate] for step in session.training.steps]
    require_rows_of_data(entries, data)
    totals = dict[str, float]()
    at_once = max(1, min(EXAMPLES_AT_ONCE, ELEMENTS_AT_ONCE // data.longest))
    for batches in data.in_turn(at_once):
        count = examples_of(batches)
        for step in session.training.steps:
            results, outputs = session.once(step.evaluate, batches)
            for name, key in session.metrics(step).items():
                values = np.asarray(outputs[key] if key in outputs else results[key])
                share = float(np.mean(values, dtype=np.float64)) * count
                totals[name] = totals.get(name, 0.0) + share
    return {name: total / data.examples for name, total in totals.items()}
