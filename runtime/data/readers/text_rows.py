"""Texts and their labels from one file: a table, JSON lines, or lines `label<TAB>text`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from gradc_compiler.graph.types import TensorType
from gradc_runtime.data.readers.csv_table import table
from gradc_runtime.data.readers.json_lines import BLANK, parsed
from gradc_runtime.data.tables.dialect import checked_dialect
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.not_text import not_utf8_file

SCALAR = TensorType()
TextRow = tuple[str, str, str]  # text, label, and where it stands


def rows_of(
    path: Path, file: str, fields: Sequence[str], columns: Mapping[str, str], head: int = 0
) -> Iterator[TextRow]:
    """Texts and labels: columns of a table, objects of JSON lines, or lines `label<TAB>text`.

    Only of the first rows, if `head` says of how many.

    Raises `DataError` for a file that is none of these.
    """
    kind = path.suffix.lower()
    if kind in (".csv", ".tsv"):
        yield from rows_of_table(path, file, fields, columns, head)
        return
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as stream:
            lines = list(islice(stream, head or None))
    except UnicodeDecodeError:
        raise not_utf8_file(path, file) from None
    for number, line in enumerate(lines, 1):
        if line.strip(f"{BLANK}\n"):
            place = f"{file}:{number}"
            read = of_json if kind == ".jsonl" else of_line
            yield read(line.rstrip("\r\n"), fields, place)


def rows_of_table(
    path: Path, file: str, fields: Sequence[str], columns: Mapping[str, str], head: int
) -> Iterator[TextRow]:
    """The rows of a CSV file."""
    found = table(path, file, checked_dialect("", "", "", "yes"), head)
    declared = tuple((name, SCALAR) for name in fields)
    names = [found.header.columns_of(name, SCALAR, columns, declared)[0] for name in fields]
    places = [found.header.places[name] for name in names]
    found.header.check_rows(found.rows)
    for line, row in found.rows:
        text, *label = (row[place] for place in places)
        yield text, label[0].strip() if label else "", f"{file}:{line}"


def of_json(line: str, fields: Sequence[str], place: str) -> TextRow:
    """The text and the label of an object.

    Raises `DataError` for values that are none.
    """
    example = parsed(line, list(fields), place)
    text, *label = (example[name] for name in fields)
    if not isinstance(text, str):
        raise DataError(f"{place}: {fields[0]} is {json.dumps(text)[:40]}, and no text")
    label = ["" if one is None else one for one in label]
    if label and (isinstance(label[0], bool) or not isinstance(label[0], str | int)):
        raise DataError(f"{place}: {fields[1]} is {json.dumps(label[0])[:40]}: a name or a number")
    return text, str(label[0]) if label else "", place


def of_line(line: str, fields: Sequence[str], place: str) -> TextRow:
    """The row of a line `label<TAB>text`.

    Raises `DataError` for a line without a tab.
    """
    label, tab, text = line.partition("\t")
    if len(fields) == 1:
        return line, "", place
    if not tab:
        raise DataError(f"{place}: a line is a label, a tab and a text; there is no tab")
    return text, label.strip(), place
