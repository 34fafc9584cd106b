"""What the cells of a column say: numbers, dates, categories, or nothing.

`Column` is what the encoding of a table asks of a column, whatever file it comes from; `TextColumn`
answers for cells that are text.  A date is a number of days since 1970-01-01, a moment of another
time zone one of UTC.  `2021-06-07` and `07.06.2021` speak for themselves; for `06/07/2021` the rest
of the column must show which number is the month, or the author say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.tables.dialect import Dialect
from gradc_runtime.system.errors import DataError

GAPS = frozenset(
    ("", "NA", "<NA>", "#NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "?")
)
TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S%z", "%H:%M:%S.%f%z")
ISO = ("%Y-%m-%d", *(f"%Y-%m-%d{sign}{time}" for sign in " T" for time in TIMES))
FORMATS = (
    *ISO, "%d.%m.%Y", "%d.%m.%Y %H:%M", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y",
)  # fmt: skip
DATED = re.compile(r"(\d{1,4})([-./ ])(\d{1,2}|[A-Za-z]{3,9})[-./ ,]+\d{2,4}\b.*")
BLANK = " "
EPOCH, DAY = datetime(1970, 1, 1), timedelta(days=1)


class Column(Protocol):
    """A column of a table, or of a part of one."""

    @property
    def file(self) -> str:
        """The name of the file, for messages."""

    @property
    def name(self) -> str:
        """What the file calls the column."""

    def __len__(self) -> int:
        """How many rows it has."""

    def fault(self, place: int, what: str) -> DataError:
        """The error for a cell, saying what is wrong with it."""

    def numbers(self, dialect: Dialect, date: str = "") -> NDArray[Any]:
        """The cells as numbers [N], or lists of them [N, ...]; NaN where there is none.

        Raises `DataError`, with the place, for a cell that is no number.
        """

    def date_format(self, said: str = "") -> str:
        """The format of the column's dates; empty if its cells are no dates.

        Raises `DataError` where a column of dates can be read in two ways.
        """

    def categories(self) -> list[str]:
        """The cells as words; a gap is the empty one."""

    def is_of_words(self, dialect: Dialect) -> bool:
        """Whether some cell is neither a number nor a gap."""


@dataclass(frozen=True)
class TextColumn:
    """The cells of a column as text, with the lines that they stand in."""

    file: str
    name: str
    lines: Sequence[int]
    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def place(self, row: int) -> str:
        """Where a cell stands, for messages."""
        return f"{self.file}:{self.lines[row]}"

    def fault(self, place: int, what: str) -> DataError:
        """The error for a cell, saying what is wrong with it."""
        text = self.texts[place].strip()[:40]
        return DataError(f'{self.place(place)}: column {self.name}: "{text}" {what}')

    def numbers(self, dialect: Dialect, date: str = "") -> NDArray[np.float64]:
        """The cells as numbers [N]; NaN where there is none.  `date` is the format of its dates.

        Raises `DataError`, with the line, for a text that is no number.
        """
        if dialect.decimal != "," and not dialect.thousands and not date:
            try:
                found = np.array([float(text) for text in self.texts])
            except ValueError:
                found = None  # seen below, cell by cell
            if found is not None and "_" not in "".join(self.texts):  # Python reads 1_000
                return found
        found = np.full(len(self.texts), np.nan)
        for place, text in enumerate(map(str.strip, self.texts)):
            if text in GAPS:
                continue
            try:
                found[place] = days(text, date) if date else dialect.number(text)
            except ValueError:
                what = f"is no date such as {date}" if date else "is not a number"
                tail = spelt(text) or self._gap(dialect)
                raise self.fault(place, what + ("" if date else tail)) from None
        return found

    def _gap(self, dialect: Dialect) -> str:
        """The tail of a message for a word among numbers, which may stand for none."""
        numbers = (text for text in self.texts if text.strip() not in GAPS)
        return "; a gap is an empty cell or NA" if any(map(dialect.reads, numbers)) else ""

    def date_format(self, said: str = "") -> str:
        """The format of the column's dates; empty if its cells are no dates.

        Raises `DataError` where a column of dates can be read in two ways.
        """
        formats = [said] if said else FORMATS
        first = next((t for text in self.texts if (t := text.strip()) not in GAPS), "")
        signs = any(c in first for c in "-./") and first[0].isdigit()
        if not signs or not any(is_date(first, form) for form in formats):
            return ""  # as nearly every column of numbers says at once
        fitting = list(formats)
        for text in dict.fromkeys(map(str.strip, self.texts)):
            fitting, before = [f for f in fitting if text in GAPS or is_date(text, f)], fitting
            if not fitting:
                place = next(k for k, cell in enumerate(self.texts) if cell.strip() == text)
                such = f"is no date such as {first}" + (f" ({before[0]})" if said else "")
                raise self.fault(place, such)
        if len(fitting) > 1:
            ways = " or ".join(f'dates = "{f}"' for f in fitting)
            raise self.fault(0, f"may be read in two ways; say {ways}")
        return fitting[0]

    def categories(self) -> list[str]:
        """The cells as words; a gap is the empty one."""
        return ["" if (text := cell.strip()) in GAPS else text for cell in self.texts]

    def is_of_words(self, dialect: Dialect) -> bool:
        """Whether some cell is neither a number nor a gap."""
        try:
            self.numbers(dialect)
        except DataError:
            return True
        return False


def spelt(text: str) -> str:
    """The tail of a message for a number that may be spelt in another way."""
    if parted := re.fullmatch(r"[+-]?\d{1,3}(?:([,'\s])\d{3})(?:\1\d{3})*(?:[.,]\d+)?", text):
        return f'; for thousands say thousands = "{BLANK if parted[1].isspace() else parted[1]}"'
    if re.fullmatch(r"[+-]?[\d.]*,\d+", text):
        return '; for a decimal comma say decimal = ","'
    if dated := DATED.fullmatch(text):
        first, sign, month = dated.groups()
        order = ("%Y", "%m", "%d") if len(first) == 4 else ("%d", "%m", "%y")
        form = sign.join(order if month.isdigit() else ("%d", "%b", "%Y"))
        return f'; for dates say how they are written, as dates = "{form}"'
    if re.fullmatch(r"(?=.*[%$€£¥])[$€£¥]?\s*[+-]?\d[\d.,]*\s*[%$€£¥]?", text):
        return "; a sign beside a number is not read: write the number alone"
    return "; write a minus as -" if text.startswith("\u2212") else ""


def days(text: str, date: str) -> float:
    """How many days after 1970-01-01 a date is.

    Raises `ValueError` for a text of another form.
    """
    found = datetime.strptime(text, date)
    here = found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
    return (here - EPOCH) / DAY


def in_order(names: Collection[str]) -> list[str]:
    """Names of classes in their order: numbers, where all of them are some, by their size."""
    try:
        return sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(names)


def numbers_as_names(field: str) -> str:
    """What to do where numbers of a field are no classes."""
    return f'if its numbers are names of classes, say categories = "{field}"'


def is_date(text: str, date: str) -> bool:
    """Whether a text has the form of a date."""
    try:
        datetime.strptime(text, date)
    except ValueError:
        return False
    return True
