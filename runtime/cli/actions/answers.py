"""Predictions as answers: names of classes with their probabilities, or numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradc_compiler.graph.ragged import Batch, Ragged
from gradc_compiler.program.program import Meaning, TrainStep
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.predicting import OF_CLASSES, OF_ONE
from gradc_runtime.session.session import Session

PROBABILITY = "_probability"  # behind the name of a field
MISSING = "(missing)"  # the name of the class of a gap


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is predicted of a field, for all examples."""

    field: str
    meaning: Meaning
    values: Batch  # probabilities [N, ..., k], those of a 1, or numbers
    names: tuple[str, ...] = ()  # of the classes
    top: int | None = None  # how many classes are wanted

    @property
    def is_of_classes(self) -> bool:
        """Whether classes are likely or not."""
        return self.meaning in OF_CLASSES

    def each(self) -> Iterator[np.ndarray]:
        """The values of one example after another."""
        return iter(self.values)

    def ranked(self, probabilities: np.ndarray) -> list[tuple[str, float]]:
        """The likeliest classes [k] of one example, each with its probability."""
        order = np.argsort(-probabilities, kind="stable")[: self.top or 1]
        return [(self.names[k], float(probabilities[k])) for k in order]

    @property
    def is_flat(self) -> bool:
        """Whether an example has one answer, which is a cell of a table, or numbers in a row."""
        axes = 2 if self.is_of_classes else 1
        shape = np.shape(self.values) if not isinstance(self.values, Ragged) else (0, 0, 0)
        return len(shape) == axes or (self.meaning is Meaning.NUMBERS and len(shape) == 2)


def answers_of(
    found: Mapping[str, Batch], step: TrainStep, session: Session, encoding: Encoding,
    top: int | None = None,
) -> list[Answer]:  # fmt: skip
    """Predictions with the names of their classes.

    Raises `Refused` where the likeliest classes of numbers are asked for.
    """
    answers = []
    for name, values in found.items():
        meaning = step.predicted[name]
        classes = session.fields[name].classes if meaning in OF_CLASSES else None
        names = class_names(name, classes, encoding)
        answers.append(Answer(field=name, meaning=meaning, values=values, names=names, top=top))
    if top is not None and not any(answer.is_of_classes for answer in answers):
        raise Refused("--top is for classes, and numbers are predicted here")
    return answers


def class_names(name: str, classes: int | None, encoding: Encoding) -> tuple[str, ...]:
    """The names of a field's classes: those of its table, or else 0, 1, 2, ...

    Classes beyond those of the table are told apart from names that are numbers.
    """
    known = encoding.classes.get(name, ())
    return tuple(class_name(k, known) for k in range(max(len(known), classes or 0)))


def class_name(label: int, names: Sequence[str]) -> str:
    """What a class is called, of which the first have these names."""
    if label < len(names):
        return names[label] or MISSING
    return f"(class {label})" if names else str(label)


def said(answer: Answer, one: np.ndarray) -> dict[str, Any]:
    """The answer for one example, as the columns of a table have it."""
    if answer.is_of_classes:
        ranked = answer.ranked(one)
        return {
            title: value
            for place, (name, probability) in enumerate(ranked, 1)
            for title, value in zip(titles(answer.field, place), (name, probability), strict=True)
        }
    if answer.meaning in OF_ONE:
        likely = float(one)
        return {answer.field: int(likely > 0.5), titles(answer.field, 1)[1]: likely}
    if not one.shape:
        return {answer.field: float(one)}
    return {f"{answer.field}_{k}": float(x) for k, x in enumerate(one)}


def titles(name: str, place: int) -> tuple[str, str]:
    """What the columns of a class and of its probability are called."""
    tail = "" if place == 1 else f"_{place}"
    return f"{name}{tail}", f"{name}{tail}{PROBABILITY}"


def columns_of(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """All answers, a row for each example.

    Raises `Refused` for answers that are no cells of a table.
    """
    if large := [answer for answer in answers if not answer.is_flat]:
        form = "sequences" if isinstance(large[0].values, Ragged) else np.shape(large[0].values)[1:]
        raise Refused(
            f"an answer for {large[0].field} is {shape_in_words(form)}, which is no row of a table:"
            " --save FILE.npy (.npz, .json)"
        )
    each = zip(*(answer.each() for answer in answers), strict=True)
    return [
        {name: value for answer, one in zip(answers, row, strict=True)
         for name, value in said(answer, one).items()}
        for row in each
    ]  # fmt: skip


def shape_in_words(form: str | tuple[int, ...]) -> str:
    """`[28, 28]`, or a word."""
    return form if isinstance(form, str) else str(list(form))
