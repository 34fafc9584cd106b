"""Files with an example on every line, an object of JSON: `{"xs": [[1, 2], [3, 4]], "y": 0}`.

A field of sequences is a list with an element for each step; lengths may differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.blocks.line_blocks import LineBlocks, Piece, pieces_of
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.not_text import not_utf8_file

LARGEST = 1 << 30  # bytes, of files that are loaded whole
BLANK = " \t\r"  # the blanks of JSON, besides "\n", which ends a line


def jsonl(context: Context, file: str) -> Columns | LineBlocks:
    """The fields of every line, by name.

    Raises `DataError` for a file that is too large or not UTF-8.
    """
    names = [name for name, _ in context.source.fields]
    files = context.files(file)
    if context.is_streamed(path for path, _ in files):
        watched = [WatchedFile(path, name) for path, name in files]
        pieces = [piece for one in watched for piece in pieces_of(one, context.block, counted)]
        return LineBlocks(file, pieces, context.block, partial(parsed_piece, names))
    size = 0 if context.head else sum(path.stat().st_size for path, _ in files)
    if size > LARGEST:
        raise DataError(f"{file}: more than {LARGEST >> 20} MB are not loaded: set in_memory lower")
    found: dict[str, list[Any]] = {name: [] for name in names}
    for path, name in files:
        read_whole(path, name, found, context.head)
    return Columns(origin=file, arrays=found, by_name=True)


def read_whole(path: Path, file: str, found: dict[str, list[Any]], head: int = 0) -> None:
    """Add the examples of a file, or of so many of its lines.

    Raises `DataError` for a file that is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as stream:
            add(islice(stream, head or None), 1, file, found)
    except UnicodeDecodeError:
        raise not_utf8_file(path, file) from None


def parsed_piece(names: list[str], piece: Piece) -> dict[str, list[Any]]:
    """The fields of a piece of a file."""
    found: dict[str, list[Any]] = {name: [] for name in names}
    add(piece.text().split("\n"), piece.line, piece.file.name, found)
    return found


def add(lines: Iterable[str], first: int, file: str, found: dict[str, list[Any]]) -> None:
    """Add the examples of lines that are not blank; `first` numbers the first line."""
    names = list(found)
    for number, line in enumerate(lines, first):
        if line.strip(f"{BLANK}\n"):
            example = parsed(line, names, f"{file}:{number}")
            for name in names:
                found[name].append(example[name])


def counted(data: bytes, piece: Piece) -> int:
    """How many lines are not blank."""
    blank = BLANK.encode()
    return sum(bool(line.strip(blank)) for line in data.split(b"\n"))


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
