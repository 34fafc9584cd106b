"""The cells of Arrow's columns, as the encoding of a table asks for them.

Numbers, and lists of numbers, are taken as they are stored; text and what was text before it was
made categories is read as the text of a CSV file is; dates are days since 1970-01-01.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.readers.arrow_values import NUMBERS, dense_or_gaps, is_list
from gradc_runtime.data.tables.cells import Column, TextColumn
from gradc_runtime.data.tables.dialect import Dialect
from gradc_runtime.data.tables.header import Fields, Header
from gradc_runtime.system.errors import DataError

TEXTS = {"string", "large_string", "string_view", "null"}
MOMENTS = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
OF_FILES = Dialect(separator="")  # nothing is spelt


def require_readable(type: Any, place: str) -> None:
    """Refuse a column of other things than numbers, lists of numbers, text and dates.

    Raises `DataError`.
    """
    inner = type.value_type if str(type).startswith("dictionary<") else type
    if is_text(inner) or is_date(inner):
        return
    while is_list(inner):
        inner = inner.value_type
    if str(inner) not in NUMBERS and not str(inner).startswith("decimal"):
        raise DataError(
            f"{place} is {str(type)[:80]}: it may be of numbers, lists of numbers, text or dates"
        )


def is_text(type: Any) -> bool:
    """Whether cells are text, or nothing at all."""
    return str(type) in TEXTS


def is_date(type: Any) -> bool:
    """Whether cells are days or moments."""
    return str(type).startswith(("date", "timestamp["))


def columns_of(
    header: Header, schema: Any, field: tuple[str, TensorType], named: Mapping[str, str],
    fields: Fields,
) -> list[str]:  # fmt: skip
    """The columns of a field: one of lists, or else those that a CSV file would have.

    Raises `DataError` where one is missing.
    """
    name, type = field
    wanted = named.get(name, name)
    only = wanted if wanted in header.places else None if name in named else header.alike(name)
    if only is not None and is_list(schema.field(header.places[only]).type):
        return [only]
    return header.columns_of(name, TensorType() if type.time is not None else type, named, fields)


def cells(array: Any, file: str, name: str, first: int) -> Column:
    """A column of a part of a file, whose first row has the number `first` (from 0) in it."""
    if str(array.type).startswith("dictionary<"):
        array = array.dictionary_decode()
    if is_text(array.type):
        texts = [text or "" for text in array.to_pylist()]
        return ArrowTexts(file, name, range(first + 1, first + 1 + len(texts)), texts)
    kind = ArrowDates if is_date(array.type) else ArrowNumbers
    return kind(file, name, first, array)


@dataclass(frozen=True)
class ArrowTexts(TextColumn):
    """A column of text; `lines` are the numbers of its rows."""

    def place(self, row: int) -> str:
        """Where a cell stands, for messages."""
        return f"{self.file}, row {self.lines[row]:,}"


@dataclass(frozen=True)
class ArrowNumbers:
    """A column of numbers, or of lists of them."""

    file: str
    name: str
    first: int
    array: Any

    def __len__(self) -> int:
        return len(self.array)

    def fault(self, place: int, what: str) -> DataError:
        """The error for a cell, saying what is wrong with it."""
        text = self._text(place)
        row = f"{self.file}, row {self.first + place + 1:,}"
        return DataError(f'{row}: column {self.name}: "{text}" {what}')

    def _text(self, place: int) -> str:
        try:
            value = self.array[place].as_py()
        except (ValueError, OverflowError):  # a day that Python's calendar does not have
            return "?"
        return "" if value is None else str(value)[:40]

    def numbers(self, dialect: Dialect, date: str = "") -> NDArray[Any]:
        """The cells as they are stored; in float64, with NaN for gaps, where there are some.

        Raises `DataError` for lists of several lengths, or where dates are wanted.
        """
        if date and len(self):
            raise self.fault(0, f"is no date such as {date}")
        return dense_or_gaps(self.array, f"{self.file}: column {self.name}", self.first)

    def date_format(self, said: str = "") -> str:
        """No format: these are numbers."""
        return ""

    def categories(self) -> list[str]:
        """The cells as words; a gap is the empty one.

        Raises `DataError` for lists.
        """
        if is_list(self.array.type) and len(self):
            raise self.fault(0, "is a list, and no category")
        return [word_of(x) for x in self.array.to_pylist()]

    def is_of_words(self, dialect: Dialect) -> bool:
        """No."""
        return False


@dataclass(frozen=True)
class ArrowDates(ArrowNumbers):
    """A column of days, or of moments of any precision; those with a zone are read in UTC."""

    def numbers(self, dialect: Dialect, date: str = "") -> NDArray[np.float64]:
        """Days since 1970-01-01; NaN for gaps."""
        kind, there = str(self.array.type), self.array.is_valid().to_numpy(zero_copy_only=False)
        unit = "ms" if kind == "date64[ms]" else kind.removeprefix("timestamp[").split(",")[0]
        unit = unit.removesuffix("]")
        counts = self.array.cast("int32" if kind.startswith("date32") else "int64")
        whole = counts.fill_null(0).to_numpy(zero_copy_only=False)
        if not kind.startswith("date32"):
            whole = in_days(whole, unit)
        return np.where(there, whole, np.nan)

    def date_format(self, said: str = "") -> str:
        """The format in which such dates are written in text."""
        days = self.numbers(OF_FILES)
        moments = np.isfinite(days) & (days != np.floor(days))
        return "%Y-%m-%d %H:%M:%S" if moments.any() else "%Y-%m-%d"

    def categories(self) -> list[str]:
        """The cells as words; a gap is the empty one."""
        return [text or "" for text in self.array.cast("string").to_pylist()]

    def is_of_words(self, dialect: Dialect) -> bool:
        """Dates as classes are words."""
        return True


def word_of(value: Any) -> str:
    """A number as the name of a class; empty for none."""
    if isinstance(value, int):
        return str(int(value))  # all digits, however many
    return "" if value is None or value != value else f"{value:.15g}"


def in_days(counts: NDArray[np.int64], unit: str) -> NDArray[np.float64]:
    """Counts of a unit of time as days, rounded once."""
    if unit == "ns":
        fine = (counts % 1000) / MOMENTS["ns"]
        return (counts // 1000) / MOMENTS["us"] + fine
    return counts / MOMENTS[unit]
