"""Answers as a table on the terminal, or in a file of the kind that its name says."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.actions.answers import PROBABILITY, Answer, columns_of
from gradc_runtime.cli.actions.output import console, counted, say, strict, table, write_json
from gradc_runtime.cli.actions.results import save
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.checkpoint import write_atomically

KINDS = (".csv", ".json", ".npy", ".npz")
MOST_SHOWN = 1000  # rows on a terminal, from which on only some are
SHOWN = 20


@dataclass(frozen=True)
class RowPlaces:
    """Where the examples stand: numbers of rows, and their files, where each has one."""

    numbers: Sequence[int]
    files: Sequence[str] | None = None

    def each(self) -> Iterator[dict[str, Any]]:
        """What a table says of each example before its answer."""
        for place, number in enumerate(self.numbers):
            yield {"row": number} | ({"file": self.files[place]} if self.files else {})


def show_answers(answers: Sequence[Answer], rows: RowPlaces | None) -> None:
    """A table; one example has no number, and one with a file its name instead."""
    found = columns_of(answers)
    shown = found if len(found) <= MOST_SHOWN else found[:SHOWN]
    names = list(found[0]) if found else []
    cells = [[cell(name, value) for name, value in row.items()] for row in shown]
    numbers = [n for n in names if not isinstance(found[0][n], str)]
    if rows is not None and (rows.files or len(found) > 1):
        places = rows.files or [str(row) for row in rows.numbers]
        cells = [[place, *line] for place, line in zip(places, cells, strict=False)]
        names = ["file" if rows.files else "row", *names]
    console().print(table(names, cells, right=" ".join(["row", *numbers])))
    if len(shown) < len(found):
        say(f"{SHOWN} of {counted(len(found), 'row')}; --save FILE.csv has them all")


def cell(name: str, value: Any) -> str:
    """A name, or a number for people; of a probability four digits."""
    if PROBABILITY in name and isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def save_answers(answers: Sequence[Answer], rows: RowPlaces | None, path: Path) -> None:
    """A file of the kind that its name says.

    Raises `Refused` for a name that says none.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise Refused(f"--save writes {', '.join(KINDS)}, and {path.name} ends with none of them")
    if kind in (".npy", ".npz"):
        if kind == ".npy" and len(answers) > 1:
            raise Refused("several fields are predicted, so --save FILE.npz")
        save({answer.field: answer.values for answer in answers}, path)
        return
    text = json_text(answers, rows) if kind == ".json" else csv_text(answers, rows)
    write_atomically(path, text.encode())
    say(f"wrote {counted(len(answers[0].values), 'answer')} to {path}")


def csv_text(answers: Sequence[Answer], rows: RowPlaces | None) -> str:
    """A row for each example; of classes, where no number of them is asked for, all probabilities.

    Raises `Refused` for answers that are no cells of a table.
    """
    found, stream = columns_of(answers), StringIO()
    places = (rows or RowPlaces(range(1, len(found) + 1))).each()
    lines = [
        {**place, **row, **probabilities(answers, k)}
        for k, (place, row) in enumerate(zip(places, found, strict=True))
    ]
    if lines:
        writer = csv.DictWriter(stream, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return stream.getvalue()


def probabilities(answers: Sequence[Answer], example: int) -> dict[str, float]:
    """The probability of each class by a name for it, unless only the likeliest are wanted."""
    return {
        f"{answer.field}={name}": float(p)
        for answer in answers
        if answer.is_of_classes and answer.top is None
        for name, p in zip(answer.names, answer.values[example], strict=True)
    }


def json_text(answers: Sequence[Answer], rows: RowPlaces | None) -> str:
    """A list of objects, one for each example."""
    return json.dumps(strict(as_data(answers, rows)), indent=2, allow_nan=False) + "\n"


def write_answers_json(answers: Sequence[Answer], rows: RowPlaces | None) -> None:
    """The same on standard output."""
    write_json(as_data(answers, rows))


def as_data(answers: Sequence[Answer], rows: RowPlaces | None) -> list[dict[str, Any]]:
    """For each example its row, and for each field what is said of it."""
    places = (rows or RowPlaces(range(1, len(answers[0].values) + 1))).each()
    return [
        place | {answer.field: datum(answer, one) for answer, one in zip(answers, row, strict=True)}
        for place, *row in zip(places, *(answer.each() for answer in answers), strict=True)
    ]


def datum(answer: Answer, one: Any) -> Any:
    """One example's answer."""
    if not answer.is_of_classes:
        return one.tolist()
    if one.ndim > 1:
        return [datum(answer, part) for part in one]
    ranked = answer.ranked(one) if answer.top else zip(answer.names, map(float, one), strict=True)
    return {"class": answer.ranked(one)[0][0], "probabilities": dict(ranked)}
