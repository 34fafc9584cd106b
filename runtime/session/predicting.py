"""What a trained network says of the fields of its data: probabilities of classes, or estimates.

A step knows what its loss compares with each field (`TrainStep.predicted`).  Scores become
probabilities here, in float64.  Estimates of a field that was standardised are scaled back to the
units that the field has in its table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.ragged import Batch, Ragged, joined
from gradc_compiler.program.program import Meaning, Program, TrainStep
from gradc_runtime.data import Examples
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.validate import values_of
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.backends import Ran
from gradc_runtime.session.index_reach import require_rows_of_data
from gradc_runtime.session.measuring import ELEMENTS_AT_ONCE, EXAMPLES_AT_ONCE

Reals = NDArray[np.float64]
OF_CLASSES = (Meaning.SCORES, Meaning.PROBABILITIES)
OF_ONE = (Meaning.LOGIT, Meaning.PROBABILITY)


class Predicting(Protocol):
    """The part of a session that predictions need."""

    program: Program

    def once(self, entry: str, given: Batches) -> Ran:
        """Results of an entry, and its outputs for each example."""


def predicted(
    session: Predicting, step: TrainStep, given: Batches, encoding: Encoding | None = None
) -> dict[str, Batch]:
    """The prediction of each field, by its name: probabilities of k classes `[N, ..., k]`, the
    probability of a 1 `[N, ...]`, or estimates `[N, ...]`; a `Ragged` of these for a sequence.

    `given` has what `step.predict` reads, checked.
    """
    assert step.predict is not None, "asked only of a step that predicts something"
    _, outputs = session.once(step.predict, given)
    found = {}
    for name, batch in of_role(Role.PREDICTION, outputs).items():
        numbers = values_of(batch).astype(np.float64)
        answer = meant(numbers, step.predicted[name], name, encoding or Encoding())
        found[name] = Ragged(answer, batch.lengths) if isinstance(batch, Ragged) else answer
    return found


def predicted_in_turn(
    session: Predicting, step: TrainStep, data: Examples, encoding: Encoding | None = None
) -> Iterator[tuple[Batches, dict[str, Batch]]]:
    """A data set part by part: the examples of each part, and the predictions for them."""
    assert step.predict is not None, "asked only of a step that predicts something"
    require_rows_of_data([session.program.entries[step.predict]], data)
    at_once = max(1, min(EXAMPLES_AT_ONCE, ELEMENTS_AT_ONCE // data.longest))
    for batches in data.in_turn(at_once):
        yield batches, predicted(session, step, batches, encoding)


def all_of(parts: Iterator[tuple[Batches, dict[str, Batch]]]) -> dict[str, Batch]:
    """The predictions of all parts, end to end."""
    found = [part for _, part in parts]
    return {name: joined([part[name] for part in found]) for name in found[0]}


def meant(numbers: Reals, meaning: Meaning, field: str, encoding: Encoding) -> Reals:
    """A network's numbers as probabilities, or as estimates in the field's own units."""
    match meaning:
        case Meaning.SCORES:
            return softmax(numbers)
        case Meaning.LOGIT:
            return sigmoid(numbers)
        case Meaning.NUMBERS:
            return in_its_measure(numbers, field, encoding)
    return numbers


def softmax(scores: Reals) -> Reals:
    """Softmax of scores [..., k] along the last axis."""
    powers: Reals = np.exp(scores - scores.max(axis=-1, keepdims=True))
    total: Reals = powers.sum(axis=-1, keepdims=True)
    return np.divide(powers, total)


def sigmoid(logits: Reals) -> Reals:
    """Sigmoid of each element, written so that no exponential overflows."""
    powers: Reals = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, powers) / (1.0 + powers)


def in_its_measure(numbers: Reals, field: str, encoding: Encoding) -> Reals:
    """Undo the standardisation of a field: numbers times its spread, plus its mean."""
    if field not in encoding.centres:
        return numbers
    shape = numbers.shape[1:] or (1,)
    scale, centre = (np.reshape(n[field], shape) for n in (encoding.scales, encoding.centres))
    found: Reals = numbers.reshape(-1, *shape) * scale + centre
    return found.reshape(numbers.shape)
