"""Large CSV files by pyarrow's reader, where it is installed: the same cells in a tenth of the
time.

It reads what it and Python's `csv` read alike: UTF-8 without quotes, lines that end in one way,
numbers with a decimal point.  All else, and every row or cell that it does not accept, is left to
`csv_table.py`, which says what is wrong.  Numbers are parsed to the nearest float64 by both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.readers.arrow_formats import OLDEST
from gradc_runtime.data.tables.cells import GAPS, Column, TextColumn
from gradc_runtime.data.tables.dialect import LOOKED_AT, Dialect
from gradc_runtime.data.tables.header import Fields, Header
from gradc_runtime.system.errors import DataError

Body = tuple[bytes, int]  # the text below the header, and the number of its first line
SMALLEST = 1 << 22  # bytes of a file for which the import of pyarrow pays
SMALLEST_PIECE = 1 << 16
READ = 1 << 20  # bytes at once


class Lines(Sequence[int]):
    """The numbers of the rows' lines, found when one is asked for; and the cells in them."""

    def __init__(self, body: Body, separator: str, count: int) -> None:
        self.data, self.first = body
        self.separator, self.length = separator, count

    @cached_property
    def rows(self) -> list[tuple[int, list[str]]]:
        """Line numbers and cells of all rows."""
        lines = enumerate(self.data.decode().split("\n"), self.first)
        found = ((number, line.rstrip("\r")) for number, line in lines)
        return [(number, line.split(self.separator)) for number, line in found if line]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place: Any) -> Any:
        return self.rows[place][0]


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers that have been read; its text is looked up where it is wanted."""

    file: str
    name: str
    place: int  # of the column
    lines: Lines
    found: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.found)

    def text(self) -> TextColumn:
        """The same column as text."""
        texts = [cells[self.place] for _, cells in self.lines.rows]
        return TextColumn(self.file, self.name, self.lines, texts)

    def fault(self, place: int, what: str) -> DataError:
        """The error for a cell, saying what is wrong with it."""
        return self.text().fault(place, what)

    def numbers(self, dialect: Dialect, date: str = "") -> NDArray[Any]:
        """The cells as numbers [N]; NaN where there is none.

        Raises `DataError` where dates are wanted.
        """
        return self.text().numbers(dialect, date) if date else self.found

    def date_format(self, said: str = "") -> str:
        """No format, unless the author's own reads numbers as dates."""
        return self.text().date_format(said) if said else ""

    def categories(self) -> list[str]:
        """The cells as words; a gap is the empty one."""
        return self.text().categories()

    def is_of_words(self, dialect: Dialect) -> bool:
        """No."""
        return False


@dataclass(frozen=True)
class FastTable:
    """A table that pyarrow may read."""

    header: Header
    body: Body
    slow: Callable[[], OrdinaryTable]

    def cells(self, fields: Fields, named: Mapping[str, str]) -> Sequence[Sequence[Column]]:
        """The cells of each field, column by column.

        Raises `DataError` as the ordinary reader does.
        """
        names = [self.header.columns_of(*field, named, fields) for field in fields]
        places = [[self.header.places[name] for name in found] for found in names]
        columns = self.columns([place for found in places for place in found])
        if columns is None:
            return self.slow().cells(fields, named)
        return [[columns[place] for place in found] for found in places]

    def columns(self, places: Sequence[int]) -> dict[int, Column] | None:
        """The columns at these places; None where the ordinary reader has to look."""
        words = {place for place in places if not self.looks_like_numbers(place)}
        table = self.read({place: place in words for place in places})
        if table is None:
            return None
        lines = Lines(self.body, self.header.dialect.separator, table.num_rows)
        names, found = self.header.names, dict[int, Column]()
        for place in places:
            array = table.column(str(place))
            about = self.header.file, names[place]
            if place in words:
                found[place] = TextColumn(*about, lines, array.to_pylist())
                continue
            numbers = array.to_numpy()
            if np.isnan(numbers).sum() != array.null_count:
                return None  # NaN in other words
            found[place] = NumberColumn(*about, place, lines, numbers)
        return found

    @cached_property
    def head(self) -> list[list[str]]:
        """The cells of the first rows."""
        data, end = self.body[0], 0
        for _ in range(LOOKED_AT):
            end = data.find(b"\n", end) + 1 or len(data)
        lines = data[:end].decode().replace("\r", "").split("\n")
        return [line.split(self.header.dialect.separator) for line in lines if line]

    def looks_like_numbers(self, place: int) -> bool:
        """Whether the first cells of a column are numbers or gaps."""
        cells = [row[place].strip() for row in self.head if place < len(row)]
        return all(cell in GAPS or is_number(cell) for cell in cells)

    def read(self, is_text: dict[int, bool]) -> Any:
        """The columns as an Arrow table by their places; None for what pyarrow does not accept."""
        pa, csv = import_module("pyarrow"), import_module("pyarrow.csv")
        kinds = {str(k): pa.string() if text else pa.float64() for k, text in is_text.items()}
        try:
            return csv.read_csv(
                pa.BufferReader(self.body[0]),
                csv.ReadOptions(
                    use_threads=False, block_size=READ,
                    column_names=[str(k) for k in range(len(self.header.names))],
                ),
                csv.ParseOptions(delimiter=self.header.dialect.separator, quote_char=False),
                csv.ConvertOptions(
                    include_columns=list(kinds), column_types=kinds, strings_can_be_null=False,
                    null_values=sorted(GAPS),
                ),
            )  # fmt: skip
        except (pa.ArrowException, ValueError):
            return None


class OrdinaryTable(Protocol):
    """A table of the ordinary reader."""

    def cells(self, fields: Fields, named: Mapping[str, str]) -> Sequence[Sequence[Column]]:
        """The cells of each field, column by column."""


def is_number(text: str) -> bool:
    """Whether Python reads a number in a text."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_plain(data: bytes, dialect: Dialect, smallest: int) -> bool:
    """Whether both readers read a text alike, and it is long enough for pyarrow's."""
    if len(data) < smallest or dialect.decimal != "." or dialect.thousands or not is_installed():
        return False
    ends = data.count(b"\r")
    if b'"' in data or b"\0" in data or ends not in (0, data.count(b"\n")):
        return False
    return (not ends or data.count(b"\r\n") == ends) and (data.isascii() or is_utf8(data))


def below(data: bytes, line: int, *, header: bool) -> Body:
    """A text without its header, which is the first line that is not blank."""
    at = 0
    while header:
        end = data.find(b"\n", at) + 1 or len(data)
        header, at, line = not data[at:end].strip(b"\r\n") and end < len(data), end, line + 1
    return data[at:], line


def is_utf8(data: bytes) -> bool:
    """Whether bytes are text."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_installed() -> bool:
    """Whether pyarrow is here, and not too old."""
    try:
        version = import_module("pyarrow").__version__
    except ImportError:
        return False
    return int(version.split(".")[0]) >= OLDEST
