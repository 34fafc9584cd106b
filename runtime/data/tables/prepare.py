"""Cells to numbers: categories become classes, gaps are filled or left out, measures of any size
get a mean of 0 and a spread of 1.

What is measured for that is measured on the examples that a network is trained on, never on those
held out; or it is what an earlier run has found (`Encoding`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.tables.cells import Column
from gradc_runtime.data.tables.dialect import Dialect
from gradc_runtime.data.tables.encoding import Encoding, Numbers
from gradc_runtime.data.tables.measures import mean_and_spread, standardised
from gradc_runtime.system.errors import DataError

FILLED: Mapping[str, Callable[..., Any]] = {"mean": np.nanmean, "median": np.nanmedian}
MISSING = ("", *FILLED, "class", "drop")
SHOWN = 12  # names, in a message
MEND = 'say missing = "mean", "median" or "drop"'


@dataclass(frozen=True)
class Wishes:
    """What the author wants done with the cells of a table, once checked."""

    missing: str
    standardised: frozenset[str]
    dates: str

    @staticmethod
    def of(missing: str, standardised: str, dates: str, types: Mapping[str, TensorType]) -> Wishes:
        """The wishes that these arguments of `csv` express.

        Raises `DataError` for words that mean nothing here.
        """
        if missing not in MISSING:
            known = ", ".join(f'"{name}"' for name in MISSING[1:])
            raise DataError(f'csv: missing is one of {known}, not "{missing}"')
        real = [name for name, type in types.items() if type.kind is Kind.REAL]
        parts = [part.strip() for part in standardised.split(",") if part.strip()]
        chosen = real if parts == ["all"] else parts
        if unknown := [name for name in chosen if name not in real]:
            raise DataError(
                f"csv: standardised names fields of numbers, or all; {unknown[0]} is none of"
                f" {', '.join(real)}"
            )
        return Wishes(missing, frozenset(chosen), dates)


@dataclass(frozen=True)
class FieldCells:
    """A field's columns, element by element, in each of several files."""

    name: str
    type: TensorType
    files: Sequence[tuple[Sequence[Column], Dialect]]

    def is_of_words(self) -> bool:
        """Whether the field is one of classes that are written as words."""
        columns = ((c, dialect) for part, dialect in self.files for c in part)
        return self.type.kind is Kind.INDEX and any(c.is_of_words(d) for c, d in columns)

    def words(self) -> NDArray[np.object_]:
        """[N, elements] texts; a gap is the empty one."""
        parts = [np.array([c.categories() for c in part], object).T for part, _ in self.files]
        return np.concatenate(parts)

    def date_format(self, said: str) -> str:
        """The format of the field's dates; empty if its cells are no dates."""
        if self.type.kind is Kind.INDEX:
            return ""
        return next((f for part, _ in self.files for c in part if (f := c.date_format(said))), "")

    def numbers(self, date: str) -> NDArray[np.float64]:
        """The cells as numbers [N, elements]; NaN for a gap.

        Raises `DataError` for a cell that is none, or that is not finite.
        """
        parts = [
            np.stack([c.numbers(dialect, date) for c in part], axis=1)
            for part, dialect in self.files
        ]
        found = np.concatenate(parts)
        if (infinite := np.argwhere(np.isinf(found))).size:
            row, element = map(int, infinite[0])
            raise self.fault(row, element, "is not a finite number")
        return found

    def fault(self, row: int, element: int, what: str) -> DataError:
        """The error for a cell, saying what is wrong with it."""
        for part, _ in self.files:
            if row < len(part[0].texts):
                return part[element].fault(row, what)
            row -= len(part[0].texts)
        raise AssertionError("a row is in one of the files")


@dataclass
class Preparation:
    """Fields on their way from cells to numbers."""

    wishes: Wishes
    known: Encoding | None
    cells: Sequence[FieldCells]
    words: dict[str, NDArray[np.object_]] = field(default_factory=dict)
    numbers: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    kept: NDArray[np.intp] | None = None  # the rows that are left, where some were left out

    def read(self) -> None:
        """Read the cells of all fields.

        Raises `DataError` for one that means nothing.
        """
        known = self.known or Encoding()
        for one in self.cells:
            if one.name in known.classes or (self.known is None and one.is_of_words()):
                self.words[one.name] = one.words()
                continue
            found = one.date_format(self.wishes.dates) if self.known is None else ""
            date = known.dates.get(one.name, found)
            if date:
                self.dates[one.name] = date
            self.numbers[one.name] = self._numbers(one, date)

    def _numbers(self, one: FieldCells, date: str) -> NDArray[np.float64]:
        try:
            return one.numbers(date)
        except DataError as fault:
            if one.type.kind is Kind.INDEX or date or not str(fault).endswith("is not a number"):
                raise
            mend = f"; categories are classes: {one.name} : class(N)"
            raise DataError(f"{fault}{mend}") from None

    def drop(self) -> int:
        """Leave out all rows with gaps, and return how many rows are left.

        Raises `DataError` where none is.
        """
        gaps = [np.isnan(numbers).any(1) for numbers in self.numbers.values()]
        gaps += [(words == "").any(1) for words in self.words.values()]
        self.kept = rows = np.flatnonzero(~np.any(gaps, axis=0))
        if not len(rows):
            raise DataError("csv: no row is without a gap")
        self.words = {name: words[rows] for name, words in self.words.items()}
        self.numbers = {name: numbers[rows] for name, numbers in self.numbers.items()}
        return len(rows)

    def require_complete(self) -> None:
        """Refuse gaps that are not to be filled.

        Raises `DataError`, with the first.
        """
        for one in self.cells:
            is_words = one.name in self.words
            gaps = self.words[one.name] == "" if is_words else np.isnan(self.numbers[one.name])
            if gaps.any() and not self._fills(one, is_words):
                row, element = map(int, np.argwhere(gaps)[0])
                mend = 'say missing = "class" or "drop"' if is_words else MEND
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
        parts = {
            one.name: self.numbers[one.name][training]
            for one in self.cells
            if one.name in self.numbers and one.type.kind is Kind.REAL
        }
        gaps = dict[str, Numbers]()
        if self.wishes.missing in FILLED:
            gaps = {name: self._fill(name, part) for name, part in parts.items()}
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
        )  # fmt: skip

    def _fill(self, name: str, part: NDArray[np.float64]) -> Numbers:
        empty = np.isnan(part).all(axis=0)
        if empty.any():
            raise DataError(f"csv: {name} has no number at all, so nothing to fill its gaps with")
        return tuple(FILLED[self.wishes.missing](part, axis=0).tolist())

    def encoded(self, encoding: Encoding) -> dict[str, NDArray[np.float64]]:
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
        places = {name: k for k, name in enumerate(names)}
        words = self.words[one.name]
        unknown = np.array([[word not in places for word in row] for row in words], bool)
        if unknown.any():
            row, element = map(int, np.argwhere(unknown)[0])
            place = row if self.kept is None else int(self.kept[row])
            what = f"is none of the categories that were trained on: {shown}"
            raise one.fault(place, element, what)
        return np.array([[places[word] for word in row] for row in words], float)


def named(words: NDArray[np.object_]) -> tuple[str, ...]:
    """Categories in the order of their names, with the gap last."""
    found = {str(word) for word in words.flat}
    return (*sorted(found - {""}), *([""] if "" in found else []))
