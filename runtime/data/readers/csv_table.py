"""Comma-separated tables with a header.

A scalar field is the column of its name; the elements of a vector field are `name_0`, `name_1`, ...
(row-major for more axes).  Columns may come in any order, and others are ignored.  Of several files
each has a header of its own.
"""

from __future__ import annotations

import csv as reader
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from io import StringIO
from itertools import takewhile
from pathlib import Path

import numpy as np

from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.blocks.line_blocks import LineBlocks, Piece, pieces_of
from gradc_runtime.data.blocks.stored_arrays import end_to_end
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError

Row = tuple[int, list[str]]  # with its line in the file
Fields = tuple[tuple[str, TensorType], ...]
NEAR = 1000  # columns among which a name like a missing one is looked for


@dataclass(frozen=True)
class Header:
    """The columns' places by name."""

    file: str
    places: dict[str, int]
    offset: int = -1  # of the piece that it is the first row of

    @staticmethod
    def of(names: list[str], file: str, offset: int = -1) -> Header:
        """The header in the first line.

        Raises `DataError` where a name is repeated.
        """
        names = [name.strip() for name in names]
        places = {name: place for place, name in enumerate(names)}
        if repeated := [name for place, name in enumerate(names) if places[name] != place]:
            raise DataError(f"{file}: column {repeated[0]} appears more than once in the header")
        return Header(file, places, offset)

    def arrays(self, rows: list[Row], fields: Fields) -> dict[str, np.ndarray]:
        """The fields' numbers, in rows that all have a value for each column.

        Raises `DataError` for a row that has not.
        """
        for line, row in rows:
            if len(row) != len(self.places):
                raise DataError(
                    f"{self.file}:{line}: {len(row)} values, but the header names"
                    f" {len(self.places)}"
                )
        found = {}
        for name, type in fields:
            wanted = self.columns_of(name, type)
            flat = np.stack([self.parsed(rows, column) for column in wanted], axis=1)
            found[name] = flat.reshape(len(rows), *type.shape)
        return found

    def columns_of(self, name: str, type: TensorType) -> list[str]:
        """The header's names for the elements of a field.

        Raises `DataError` where one is missing.
        """
        elements = (f"{name}_{i}" for i in range(type.size)) if type.shape else iter([name])
        wanted = list(takewhile(self.places.__contains__, elements))
        if len(wanted) == type.size:
            return wanted
        missing = f"{name}_{len(wanted)}" if type.shape else name
        near = get_close_matches(missing, list(self.places)[:NEAR], n=1)
        known = ", ".join(list(self.places)[:20])
        hint = f"did you mean {near[0]}?" if near else f"it has {known}"
        last = f"{name}_{type.size - 1}"
        reason = f" (field {name} : {type} is {name}_0 to {last})" if type.shape else ""
        raise DataError(f"{self.file}: no column {missing}{reason}; {hint}")

    def parsed(self, rows: list[Row], name: str) -> np.ndarray:
        """One column as numbers.

        Raises `DataError`, with the line, for a text that is no number.
        """
        column = self.places[name]
        try:
            return np.array([float(row[column]) for _, row in rows])
        except ValueError:
            for line, row in rows:
                if not is_number(text := row[column]):
                    what = f'column {name}: "{text[:40]}" is not a number'
                    raise DataError(f"{self.file}:{line}: {what}") from None
            raise


def csv(context: Context, file: str) -> Columns | LineBlocks:
    """The numbers of CSV files with a header.

    Raises `DataError` for a field of sequences, and for a file that cannot be read.
    """
    fields, files = context.source.fields, context.files(file)
    for name, type in fields:
        if type.time is not None:
            raise DataError(f"{file}: a table has no sequences such as {name}; use jsonl or npz")
    if context.is_streamed(path for path, _ in files):
        return in_blocks(file, files, fields, context.block)
    parts = [table(path, name, fields) for path, name in files]
    names = [name for _, name in files]
    arrays = {name: end_to_end([part[name] for part in parts], names) for name, _ in fields}
    return Columns(origin=file, arrays=arrays, by_name=True)


def table(path: Path, file: str, fields: Fields) -> dict[str, np.ndarray]:
    """The fields of a whole file.

    Raises `DataError` for a file that is no table with a header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = rows_of(stream, 1, file)
            _, names = next(lines, (1, []))
            rows = list(lines)
    except UnicodeDecodeError as fault:
        raise DataError(f"{file}: not UTF-8 text (byte {fault.start})") from None
    header = Header.of(names, file)
    if not rows:
        raise DataError(f"{file}: needs a header and at least one row of numbers")
    return header.arrays(rows, fields)


def in_blocks(origin: str, files: list[tuple[Path, str]], fields: Fields, block: int) -> LineBlocks:
    """Files that are read in pieces.

    Raises `DataError` for one that is no table with a header.
    """
    pieces, headers = list[Piece](), dict[str, Header]()
    for path, name in files:
        cut = pieces_of(WatchedFile(path, name), block, counted, quotes=True)
        found = [piece for piece in cut if piece.count]
        if sum(piece.count for piece in found) < 2:
            raise DataError(f"{name}: needs a header and at least one row of numbers")
        first = found[0]
        headers[name] = Header.of(next(rows_in(first))[1], name, first.offset)
        pieces += [replace(first, count=first.count - 1), *found[1:]]
    return LineBlocks(origin, pieces, block, partial(parsed_piece, headers, fields))


def parsed_piece(headers: dict[str, Header], fields: Fields, piece: Piece) -> dict[str, np.ndarray]:
    """The fields of a piece."""
    rows = list(rows_in(piece))
    header = headers[piece.file.name]
    return header.arrays(rows[1:] if piece.offset == header.offset else rows, fields)


def counted(data: bytes, piece: Piece) -> int:
    """How many rows a piece has that are not blank."""
    if b'"' not in data:
        return sum(line not in (b"", b"\r") for line in data.split(b"\n"))
    return sum(1 for _ in rows_of(StringIO(data.decode("latin-1"), newline=""), 1, piece.name))


def rows_in(piece: Piece) -> Iterator[Row]:
    """The rows of a piece."""
    return rows_of(StringIO(piece.text(), newline=""), piece.line, piece.file.name)


def rows_of(lines: Iterable[str], first: int, file: str) -> Iterator[Row]:
    """Rows that are not blank, with their line numbers.

    Raises `DataError` for text that is no table.
    """
    table = reader.reader(lines, strict=True)
    try:
        for row in table:
            if row:
                yield table.line_num + first - 1, row
    except reader.Error as fault:
        raise DataError(f"{file}: {fault}") from None


def is_number(text: str) -> bool:
    """Whether Python reads it as a float."""
    try:
        float(text)
    except ValueError:
        return False
    return True
