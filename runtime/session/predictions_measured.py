"""A trained network's predictions beside a data set's fields: how good each is."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.ragged import Batch, Ragged, repeated
from gradc_compiler.graph.types import TensorType
from gradc_compiler.program.program import Meaning, TrainStep
from gradc_runtime.data import Examples
from gradc_runtime.data.arrays.validate import values_of
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.predicting import (
    OF_CLASSES,
    OF_ONE,
    Predicting,
    in_its_measure,
    predicted_in_turn,
)
from gradc_runtime.session.quality import SAMPLE, ClassQuality, NumberQuality

Quality = ClassQuality | NumberQuality
ONE = ("0", "1")  # the classes of a field for which a network gives the probability of a 1


class PredictingFields(Predicting, Protocol):
    """The part of a session that this module needs."""

    @property
    def fields(self) -> Mapping[str, TensorType]:
        """The types of its data."""


def qualities(
    session: PredictingFields, step: TrainStep, data: Examples, encoding: Encoding,
    names: Mapping[str, tuple[str, ...]],
) -> dict[str, Quality]:  # fmt: skip
    """The quality of the predictions of each field, by its name, over all examples of a data set.

    `names` has the names of each field's classes.

    Raises `DataError` for data that does not fit.
    """
    found = dict[str, Quality]()
    for batches, predicted in predicted_in_turn(session, step, data, encoding):
        for name, answer in predicted.items():
            target = beside(batches[name], answer)
            meaning, values = step.predicted[name], values_of(answer)
            if name not in found and meaning in OF_CLASSES:
                found[name] = ClassQuality.of(names[name])
            elif name not in found:
                found[name] = of_numbers(meaning, target, data.examples)
            quality = found[name]
            if isinstance(quality, NumberQuality):
                quality.add(values, in_its_measure(target.astype(float), name, encoding))
            else:
                quality.add(*as_classes(values, target, meaning))
    return found


def beside(field: Batch, answer: Batch) -> NDArray[Any]:
    """A field's values, one for each value of the answer: a sequence's one label is repeated."""
    if isinstance(answer, Ragged) and not isinstance(field, Ragged):
        places = repeated(np.arange(len(answer)), answer.lengths)
        return np.asarray(field)[places]
    return np.asarray(values_of(field))


def of_numbers(meaning: Meaning, target: NDArray[Any], examples: int) -> Quality:
    """An empty measure for a field of numbers: `ClassQuality` if a probability is predicted."""
    if meaning in OF_ONE and np.isin(target, (0, 1)).all():
        return ClassQuality.of(ONE)
    elements = examples * max(1, prod(target.shape[1:]))
    return NumberQuality(stride=max(1, elements // SAMPLE))


def as_classes(
    values: NDArray[Any], target: NDArray[Any], meaning: Meaning
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A prediction and its field as probabilities [N, k] and labels [N]."""
    if meaning in OF_ONE:
        likely = values.reshape(-1)
        return np.stack([1 - likely, likely], axis=1), target.reshape(-1) >= 0.5
    return values.reshape(-1, values.shape[-1]), target.reshape(-1)
