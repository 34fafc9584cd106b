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
    head = "".join(f"<th style='text-align:left'>{escape(name)}</th>" for name in columns)
    body = (f"<tr>{''.join(map(_cell, row))}</tr>" for row in listed[:most])
    table = chain(["<table><thead><tr>", head, "</tr></thead><tbody>"], body, ["</tbody></table>"])
    return "".join([f"<p><b>{escape(title)}</b></p>", *(table if listed else ()), *more])


def _cell(value: object) -> str:
    number = isinstance(value, int | float)
    text = f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if number else str(value)
    side = "right" if number else "left"
    return f"<td style='text-align:{side}'>{escape(text)}</td>"
