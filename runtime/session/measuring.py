"""Means of a network's losses and reports over a data set, in evaluation mode."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.program.program import Program, Training, TrainStep
from gradc_runtime.data import Examples
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.ranks.group import Ranks
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


def measured(session: Measurable, data: Examples, ranks: Ranks | None = None) -> dict[str, float]:
    """The means over a data set that has been checked; nothing is updated.

    The data is measured in parts.  If there are several ranks, each takes some of the parts; the
    sums are added up in the order of the parts, so that the bits are those of one machine.
    """
    entries = [session.program.entries[step.evaluate] for step in session.training.steps]
    require_rows_of_data(entries, data)
    at_once = max(1, min(EXAMPLES_AT_ONCE, ELEMENTS_AT_ONCE // data.longest))
    found = dict[int, dict[str, float]]()
    for number, batches in enumerate(data.in_turn(at_once)):
        if ranks is None or number % ranks.size == ranks.rank:
            found[number] = part_of(session, batches)
    if ranks is not None:
        found = {number: part for own in ranks.all_of(found) for number, part in own.items()}
    totals = dict[str, float]()
    for _, part in sorted(found.items()):
        for name, share in part.items():
            totals[name] = totals.get(name, 0.0) + share
    return {name: total / data.examples for name, total in totals.items()}


def part_of(session: Measurable, batches: Batches) -> dict[str, float]:
    """The means over some examples, each times the number of these examples."""
    found, count = dict[str, float](), examples_of(batches)
    for step in session.training.steps:
        results, outputs = session.once(step.evaluate, batches)
        for name, key in session.metrics(step).items():
            values = np.asarray(outputs[key] if key in outputs else results[key])
            found[name] = float(np.mean(values, dtype=np.float64)) * count
    return found
