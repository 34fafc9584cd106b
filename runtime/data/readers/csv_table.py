"""Comma-separated tables with a header.

A scalar field is the column of its name; the elements of a vector field are `name_0`, `name_1`, ...
(row-major for more axes).  Columns may come in any order, and others are ignored.
"""

from __future__ import annotations

import csv as reader
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path

import numpy as np

from gradc_compiler.graph.types import TensorType
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError

Rows = list[tuple[int, list[str]]]
NEAR = 1000  # columns among which a name like a missing one is looked for


def csv(context: Context, file: str) -> Columns:
    """The numbers of a CSV file with a header.

    Raises `DataError` for a field of sequences, and for a file that cannot be read.
    """
    header, rows = read(context.file(file), file)
    arrays = {}
    for name, type in context.source.fields:
        if type.time is not None:
            raise DataError(f"{file}: a table has no sequences such as {name}; use jsonl or npz")
        wanted = columns_of(name, type, header, file)
        flat = np.stack([parsed(rows, header[c], c, file) for c in wanted], axis=1)
        arrays[name] = flat.reshape(len(rows), *type.shape)
    return Columns(origin=file, arrays=arrays, by_name=True)


def read(path: Path, file: str) -> tuple[dict[str, int], Rows]:
    """The columns' places by name, and every row with its line in the file.

    Raises `DataError` for a file that is no table with a header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = numbered(reader.reader(stream, strict=True))
            _, names = next(lines, (1, []))
            rows = list(lines)
    except UnicodeDecodeError as fault:
        raise DataError(f"{file}: not UTF-8 text (byte {fault.start})") from None
    except reader.Error as fault:
        raise DataError(f"{file}: {fault}") from None
    names = [name.strip() for name in names]
    header = {name: place for place, name in enumerate(names)}
    if not rows:
        raise DataError(f"{file}: needs a header and at least one row of numbers")
    if repeated := [name for place, name in enumerate(names) if header[name] != place]:
        raise DataError(f"{file}: column {repeated[0]} appears more than once in the header")
    for line, row in rows:
        if len(row) != len(names):
            raise DataError(f"{file}:{line}: {len(row)} values, but the header names {len(names)}")
    return header, rows


def numbered(lines: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, with their line numbers."""
    for row in lines:
        if row:
            yield lines.line_num, row  # type: ignore[attr-defined]


def columns_of(name: str, type: TensorType, header: dict[str, int], file: str) -> list[str]:
    """The header's names for the elements of a field.

    Raises `DataError` where one is missing.
    """
    elements = (f"{name}_{i}" for i in range(type.size)) if type.shape else iter([name])
    wanted = list(takewhile(header.__contains__, elements))
    if len(wanted) == type.size:
        return wanted
    missing = f"{name}_{len(wanted)}" if type.shape else name
    near = get_close_matches(missing, list(header)[:NEAR], n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(list(header)[:20])}"
    reason = f" (field {name} : {type} is {name}_0 to {name}_{type.size - 1})" if type.shape else ""
    raise DataError(f"{file}: no column {missing}{reason}; {hint}")


def parsed(rows: Rows, column: int, name: str, file: str) -> np.ndarray:
    """One column as numbers.

    Raises `DataError`, with the line, for a text that is no number.
    """
    try:
        return np.array([float(row[column]) for _, row in rows])
    except ValueError:
        for line, row in rows:
            if not is_number(row[column]):
                text = row[column][:40]
                raise DataError(f'{file}:{line}: column {name}: "{text}" is not a number') from None
        raise


def is_number(text: str) -> bool:
    """Whether Python reads it as a float."""
    try:
        float(text)
    except ValueError:
        return False
    return True
