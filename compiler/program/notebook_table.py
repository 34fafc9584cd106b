"""Tables of HTML, as a notebook shows what a program or a session is.

Everything that comes from a spec or a file is text here: no name is ever markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import chain


def notebook_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], most: int = 100
) -> str:
    """A title above a table, of its first rows; numbers stand right, texts left."""
    listed = list(rows)
    left = len(listed) - most
    more = [f"<p>and {left:,} more</p>"] if left > 0 else []
    sides = [_side(value) for value in (listed or [[""] * len(columns)])[0]]
    head = "".join(
        f"<th style='text-align:{side}'>{escape(name)}</th>"
        for side, name in zip(sides, columns, strict=True)
    )
    body = (f"<tr>{''.join(map(_cell, row))}</tr>" for row in listed[:most])
    table = chain(["<table><thead><tr>", head, "</tr></thead><tbody>"], body, ["</tbody></table>"])
    return "".join([f"<p><b>{escape(title)}</b></p>", *(table if listed else ()), *more])


def _cell(value: object) -> str:
    number = isinstance(value, int | float)
    text = f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if number else str(value)
    return f"<td style='text-align:{_side(value)}'>{escape(text)}</td>"


def _side(value: object) -> str:
    return "right" if isinstance(value, int | float) else "left"
