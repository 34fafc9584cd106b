"""Cells to numbers: categories become classes, gaps are filled or left out, measures of any size
get a mean of 0 and a spread of 1.

What is measured for that is measured on the examples that a network is trained on, never on those
held out; or it is what an earlier run has found (`Encoding`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import Kind
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.tables.cells import in_order, numbers_as_names
from gradc_runtime.data.tables.dialect import spelling_of_all
from gradc_runtime.data.tables.encoding import Encoding, Numbers
from gradc_runtime.data.tables.field_cells import FieldCells
from gradc_runtime.data.tables.measures import mean_and_spread, standardised
from gradc_runtime.data.tables.wishes import FILLED, Wishes
from gradc_runtime.system.errors import DataError

SHOWN = 12  # names, in a message
MENDS = {
    Kind.REAL: 'say missing = "mean", "median" or "drop"',
    Kind.INDEX: 'say missing = "drop"',  # nothing lies between two classes
}


@dataclass
class Preparation:
    """Fields on their way from cells to numbers."""

    wishes: Wishes
    known: Encoding | None
    cells: Sequence[FieldCells]
    is_head: bool = False  # only the first rows are there, and nobody trains on them
    words: dict[str, NDArray[np.object_]] = field(default_factory=dict)
    numbers: dict[str, NDArray[Any]] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    kept: NDArray[np.intp] | None = None  # the rows that are left, where some were left out

    def read(self) -> None:
        """Read the cells of all fields.

        Raises `DataError` for one that means nothing.
        """
        known = self.known or Encoding()
        for one in self.cells:
            if one.name in known.classes or (self.known is None and self._is_named(one)):
                self.words[one.name] = one.words()
                continue
            found = one.date_format(self.wishes.dates) if self.known is None else ""
            date = known.dates.get(one.name, found)
            if date:
                self.dates[one.name] = date
            self.numbers[one.name] = self._numbers(one, date)

    def _is_named(self, one: FieldCells) -> bool:
        """Whether what the cells of a field say are names of its classes."""
        return one.name in self.wishes.categories or one.is_of_words()

    def _numbers(self, one: FieldCells, date: str) -> NDArray[np.float64]:
        try:
            return one.numbers(date)
        except DataError as fault:
            raise DataError(f"{fault}{self._mend(one, date, str(fault))}") from None

    def _mend(self, one: FieldCells, date: str, fault: str) -> str:
        """The tail of a message for cells that another declaration would read."""
        if one.type.kind is Kind.INDEX:
            is_outside = self.known is None and "is outside class(" in fault
            return f"; {numbers_as_names(one.name)}" if is_outside else ""
        is_word = not date and fault.endswith("is not a number")
        return f"; categories are classes: {one.name} : class(N)" if is_word else ""

    def must_be_complete(self) -> list[str]:
        """The fields for whose gaps a row is left out: all, or those that are predicted, for which
        a number that fills a gap would be made up.
        """
        missing, known = self.wishes.missing, [one.name for one in self.cells]
        targets = [name for name in known if name in self.wishes.targets]
        return known if missing == "drop" else targets if missing in FILLED else []

    def drop(self, complete: Sequence[str]) -> int:
        """Leave out all rows with gaps in these fields, and return how many rows are left.

        Raises `DataError` where none is.
        """
        gaps = [np.isnan(self.numbers[name]).any(1) for name in complete if name in self.numbers]
        gaps += [(self.words[name] == "").any(1) for name in complete if name in self.words]
        self.kept = rows = np.flatnonzero(~np.any(gaps, axis=0))
        if not len(rows) and self.is_head:
            return self._forget_gaps()
        if not len(rows):
            what = (
                f"without {' or '.join(complete)}"
                if len(complete) < len(self.cells)
                else "with gaps"
            )
            raise DataError(f"{self.wishes.source}: all rows are {what}, so none is left")
        self.words = {name: words[rows] for name, words in self.words.items()}
        self.numbers = {name: numbers[rows] for name, numbers in self.numbers.items()}
        return len(rows)

    def _forget_gaps(self) -> int:
        """Fill all gaps with anything, and return how many rows there are."""
        self.kept = None
        self.numbers = {n: np.where(np.isnan(x), 0.0, x) for n, x in self.numbers.items()}
        for name, words in self.words.items():
            self.words[name] = np.where(words == "", max(map(str, words.flat)), words)
        return len(next(iter((*self.numbers.values(), *self.words.values()))))

    def require_complete(self) -> None:
        """Refuse gaps that are not to be filled.

        Raises `DataError`, with the first.
        """
        for one in self.cells:
            is_words = one.name in self.words
            gaps = self.words[one.name] == "" if is_words else np.isnan(self.numbers[one.name])
            if gaps.any() and not self._fills(one, is_words):
                row, element = map(int, np.argwhere(gaps)[0])
                mend = 'say missing = "class" or "drop"' if is_words else MENDS[one.type.kind]
                raise one.fault(row, element, f"is missing; {mend}")

    def _fills(self, one: FieldCells, is_words: bool) -> bool:
        """Whether the gaps of a field are filled with something."""
        known, missing = self.known or Encoding(), self.wishes.missing
        if is_words:
            return missing in (*FILLED, "class") or "" in known.classes.get(one.name, ())
        return one.name in known.gaps or (missing in FILLED and one.type.kind is Kind.REAL)

    def encoding(self, training: NDArray[np.int64]) -> Encoding:
        """What numbers stand for, found on the given rows; for categories, on all rows."""
        classes = {name: named(words) for name, words in self.words.items()}
        fills = self.wishes.missing in FILLED
        parts = {
            one.name: self.numbers[one.name][training].astype(np.float64)
            for one in self.cells
            if one.name in self.numbers and one.type.kind is Kind.REAL
            if fills or one.name in self.wishes.standardised
        }
        gaps = {name: self._fill(name, part) for name, part in parts.items() if fills}
        filled = {
            name: np.where(np.isnan(part), gaps[name], part) if name in gaps else part
            for name, part in parts.items()
            if name in self.wishes.standardised
        }
        measures = {name: mean_and_spread(name, part) for name, part in filled.items()}
        return Encoding(
            classes=classes, dates=self.dates, gaps=gaps,
            centres={name: tuple(mean.tolist()) for name, (mean, _) in measures.items()},
            scales={name: tuple(spread.tolist()) for name, (_, spread) in measures.items()},
            spelling=spelling_of_all(dialect for one in self.cells for _, dialect in one.files),
        )  # fmt: skip

    def _fill(self, name: str, part: NDArray[np.float64]) -> Numbers:
        empty = np.isnan(part).all(axis=0)
        if empty.any() and not self.is_head:
            raise DataError(
                f"{self.wishes.source}: {name} has no number at all, so nothing to fill its gaps"
                " with"
            )
        found = FILLED[self.wishes.missing](np.where(empty, 0.0, part), axis=0)
        return tuple(found.tolist())

    def encoded(self, encoding: Encoding) -> dict[str, NDArray[Any]]:
        """The fields as arrays [N, *shape].

        Raises `DataError` for a category that has no class.
        """
        found = {}
        for one in self.cells:
            if one.name in self.words:
                flat = self._classes(one, encoding.classes[one.name])
            else:
                flat = standardised(self.numbers[one.name], one.name, encoding)
            found[one.name] = flat.reshape(len(flat), *one.type.shape)
        return found

    def _classes(self, one: FieldCells, names: tuple[str, ...]) -> NDArray[np.float64]:
        shown = ", ".join(name or "(missing)" for name in names[:SHOWN])
        columns = {column.name for part, _ in one.files for column in part}
        if one.type.classes is not None and len(names) > one.type.classes:
            raise DataError(
                f"{one.files[0][0][0].file}: column {min(columns)} has {len(names)} categories"
                f" ({shown}), but {one.name} : {one.type}"
            )
        places: dict[object, int] = {name: k for k, name in enumerate(names)}
        words = self.words[one.name]
        flat = np.fromiter((places.get(word, -1) for word in words.flat), np.float64, words.size)
        found: NDArray[np.float64] = flat.reshape(words.shape)
        if (found < 0).any():
            row, element = map(int, np.argwhere(found < 0)[0])
            place = row if self.kept is None else int(self.kept[row])
            what = f"is none of the categories that were trained on: {shown}"
            raise one.fault(place, element, what)
        return found


def named(words: NDArray[np.object_]) -> tuple[str, ...]:
    """Categories in the order of their names, with the gap last."""
    found = {str(word) for word in words.flat}
    return (*in_order(found - {""}), *([""] if "" in found else []))
