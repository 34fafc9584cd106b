"""How answers are printed: tables for people, JSON for programs, both on standard output.

Tables are drawn with rich, which is imported when there is one: a run that prints numbers has none.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from importlib import import_module
from math import isfinite
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDE = 160  # columns where nobody's terminal sets a limit


def console(*, stderr: bool = False) -> Console:
    """Where tables go: as wide as the terminal, or wide enough for a file."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDE
    made: Console = import_module("rich.console").Console(file=stream, width=width, highlight=False)
    return made


def say(line: str) -> None:
    """A line for the user that is no part of the answer."""
    click.echo(fitted(line, sys.stderr), err=True)


def write(text: str) -> None:
    """A part of the answer, line by line as it is: it may go into another program."""
    click.echo(text, nl=not text.endswith("\n"))


def tell(text: str) -> None:
    """A part of the answer that is read by people only: on a terminal its lines are broken."""
    write(fitted(text, sys.stdout))


def fitted(text: str, stream: TextIO) -> str:
    """A text whose lines a terminal need not break, or as it is where there is none."""
    if not stream.isatty():
        return text
    width = terminal_width(stream)
    return "\n".join(
        line if len(line) <= width else broken(line, width) for line in text.split("\n")
    )


def broken(line: str, width: int) -> str:
    """A line in several, broken at blanks, those after the first deeper than it."""
    indent = line[: len(line) - len(line.lstrip())] + "    "
    parts = textwrap.wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(parts)


def terminal_width(stream: TextIO) -> int:
    """The columns of a terminal."""
    made: Console = import_module("rich.console").Console(file=stream)
    return made.width


def write_json(value: Any) -> None:
    """The answer as data: strict JSON, in which NaN and infinity are null."""
    write(json.dumps(strict(value), indent=2, allow_nan=False))


def strict(value: Any) -> Any:
    """Without the numbers that JSON has no word for."""
    match value:
        case dict():
            return {str(key): strict(item) for key, item in value.items()}
        case list() | tuple():
            return [strict(item) for item in value]
        case float() if not isfinite(value):
            return None
        case _:
            return value


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "") -> Table:
    """A plain table; the columns named in `right` are numbers."""
    box, escape = import_module("rich.box").SIMPLE_HEAD, import_module("rich.markup").escape
    drawn = import_module("gradc_runtime.cli.actions.fitting_table").FittingTable
    result: Table = drawn(box=box, pad_edge=False, header_style="bold")
    for name in columns:
        is_number = name in right.split()
        result.add_column(name, justify="right" if is_number else "left", no_wrap=is_number)
    for row in rows:
        result.add_row(*map(escape, row))
    return result


def duration(seconds: float) -> str:
    """For people: 1.53 us, 12.3 ms."""
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} us"


def counted(number: int, noun: str) -> str:
    """`1 parameter`, `19,722 parameters`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
