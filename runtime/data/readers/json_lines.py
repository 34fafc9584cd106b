"""A file with an example on every line, an object of JSON: `{"xs": [[1, 2], [3, 4]], "y": 0}`.

A field of sequences is a list with an element for each step; lengths may differ.
"""

from __future__ import annotations

import json
from typing import Any

from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError

LARGEST = 1 << 30  # bytes


def jsonl(context: Context, file: str) -> Columns:
    """The fields of every line, by name.

    Raises `DataError` for a file that is too large or not UTF-8.
    """
    path = context.file(file)
    if path.stat().st_size > LARGEST:
        raise DataError(f"{file}: more than {LARGEST >> 20} MB are not accepted")
    names = [name for name, _ in context.source.fields]
    found: dict[str, list[Any]] = {name: [] for name in names}
    try:
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    example = parsed(line, names, f"{file}:{number}")
                    for name in names:
                        found[name].append(example[name])
    except UnicodeDecodeError as fault:
        raise DataError(f"{file}: not UTF-8 text (byte {fault.start})") from None
    return Columns(origin=file, arrays=found, by_name=True)


def parsed(line: str, names: list[str], place: str) -> dict[str, Any]:
    """The object of a line, with every field.

    Raises `DataError`, with the line, for anything else.
    """
    try:
        example = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise DataError(f"{place}: not JSON ({str(fault).partition(': line')[0]})") from None
    if not isinstance(example, dict):
        raise DataError(f'{place}: an object such as {{"{names[0]}": ...}} is expected')
    if missing := [name for name in names if name not in example]:
        raise DataError(
            f"{place}: {missing[0]} is missing; it has {', '.join([*example][:20]) or 'nothing'}"
        )
    return example
