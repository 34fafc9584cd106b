"""Diagnostics as a terminal shows them, and as JSON.

The source line with its carets, the label of the rightmost underline beside it and the others
below, each under its own:

    error[E0301]: this claims [14, 14, 8], but the chain gives [14, 14, 16] here
      cnn.nn:6:47
    6 |     |> conv(16, 5x5, stride = 2) |> relu    : [14, 14, 8]
      |             --                                ^^^^^^^^^^^ claimed here
      |             the last size comes from these 16 channels
    hint: write `: [14, 14, 16]`, or give conv 8 channels

Columns on the screen are not columns of the text: a tab fills up to the next stop, a wide character
takes two cells, and a character that would move the cursor or turn the text around is shown as
U+FFFD.  Of a long line only a window around the underline is shown.
"""

from __future__ import annotations

import json
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from gradc_compiler.diagnostics.source import ERROR, Diagnostic, Label, Source, Span

TAB = 4
WIDTH = 100  # cells of a source line
INDENT = "  "  # of what a sentence has beyond its first line
FRAME, LEAST, MORE = 3, 20, "..."  # ` | `; cells that are shown at least; what is left out
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
RED, YELLOW, BLUE = "\x1b[31m", "\x1b[33m", "\x1b[34m"
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def render_all(
    diagnostics: Sequence[Diagnostic], *, color: bool = False, width: int | None = None
) -> str:
    """Every diagnostic, all of one severity, an empty line between two, and how many there are.

    `width` is that of a terminal: sentences are broken, and of a longer source line only a part is
    shown.
    """
    blocks = [render(diagnostic, color=color, width=width) for diagnostic in diagnostics]
    if len(blocks) > 1:
        blocks.append(f"{len(blocks)} {diagnostics[0].severity}s")
    return "\n\n".join(blocks)


def render(diagnostic: Diagnostic, *, color: bool = False, width: int | None = None) -> str:
    """One diagnostic, without a newline at its end."""
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    first = _broken(f"{head}: {printable(diagnostic.message)}", width)
    if color:
        paint = f"{BOLD}{RED if diagnostic.severity == ERROR else YELLOW}"
        first = f"{paint}{head}{PLAIN}{first.removeprefix(head)}"
    lines = [first]
    labels = [(diagnostic.primary, "^"), *((label, "-") for label in diagnostic.secondary)]
    sources: list[Source] = []
    for label, _ in labels:
        if not any(label.span.source is source for source in sources):
            sources.append(label.span.source)
    gutter = max(len(str(label.span.line)) for label, _ in labels)
    for source in sources:
        here = [(label, mark) for label, mark in labels if label.span.source is source]
        lines.append(f"  {printable(str(here[0][0].span))}")
        lines += _excerpt(source, here, gutter, color, _room(width, gutter))
    if diagnostic.hint is not None:
        lines.append(_broken(f"hint: {printable(diagnostic.hint)}", width))
    return "\n".join(lines)


def _broken(text: str, width: int | None) -> str:
    """A sentence in lines of a terminal, no word cut."""
    if width is None or len(text) <= width:
        return text
    lines = textwrap.wrap(
        text, width, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)


def _room(width: int | None, gutter: int) -> int:
    """The cells of a source line that are shown beside its number."""
    return WIDTH if width is None else min(max(width - gutter - FRAME, LEAST), WIDTH)


def diagnostics_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A list of objects: lines and columns from 1, columns in code points."""
    return json.dumps(
        [
            {
                "code": diagnostic.code,
                "severity": diagnostic.severity,
                "message": diagnostic.message,
                "primary": _place(diagnostic.primary),
                "secondary": [_place(label) for label in diagnostic.secondary],
                "hint": diagnostic.hint,
            }
            for diagnostic in diagnostics
        ],
        indent=2,
    )


def printable(text: str) -> str:
    """On one line, without characters that steer the terminal."""
    return "".join(_shown(character) for character in text.replace("\n", " "))


def _place(label: Label) -> dict[str, Any]:
    span = label.span
    end = Span(source=span.source, start=span.end, end=span.end)
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": end.line,
        "end_column": end.column,
        "label": label.text,
    }


def _shown(character: str) -> str:
    return "\ufffd" if unicodedata.category(character) in INVISIBLE else character


def _cell_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _excerpt(
    source: Source, labels: list[tuple[Label, str]], gutter: int, color: bool, width: int
) -> list[str]:
    """The lines that the labels stand on, in order, `...` where lines are left out."""
    if not source.text:
        return []
    by_line: dict[int, list[tuple[Label, str]]] = {}
    for label, mark in labels:
        by_line.setdefault(label.span.line, []).append((label, mark))
    lines: list[str] = []
    previous = None
    for number in sorted(by_line):
        if previous is not None and number > previous + 1:
            lines.append("...")
        for shown, marks in _windows(source, number, by_line[number], width):
            lines.append(f"{number:>{gutter}} | {shown}".rstrip())
            lines += [f"{'':>{gutter}} | {row}" for row in _underline(marks, color, width)]
        previous = number
    return lines


Mark = tuple[int, int, str, str]  # first cell, cell after the last, `^` or `-`, label


def _windows(
    source: Source, number: int, labels: list[tuple[Label, str]], width: int
) -> list[tuple[str, list[Mark]]]:
    """The line with all its marks if it is short; else one window for each mark."""
    start, text = source.line_starts[number - 1], source.line_text(number)
    groups = [labels] if len(text) <= width else [[label] for label in labels]
    windows = []
    for group in groups:
        first = min(label.span.start - start for label, _ in group)
        whole = len(text) <= width
        low, high = (0, len(text)) if whole else _window(first, len(text), width - 2 * len(MORE))
        shown, cells = _expand(text[low:high])
        lead = MORE if low else ""
        marks = [_mark(label, mark, cells, start + low, len(lead)) for label, mark in group]
        windows.append((lead + shown + (MORE if high < len(text) else ""), marks))
    return windows


def _window(first: int, length: int, width: int) -> tuple[int, int]:
    low = max(0, min(first - width * 2 // 5, length - width))
    return low, min(length, low + width)


def _expand(text: str) -> tuple[str, list[int]]:
    """The text as printed, and the cell each character begins at (one more for the end)."""
    pieces: list[str] = []
    cells = [0]
    for character in text:
        width = TAB - cells[-1] % TAB if character == "\t" else _cell_width(_shown(character))
        pieces.append(" " * width if character == "\t" else _shown(character))
        cells.append(cells[-1] + width)
    return "".join(pieces), cells


def _mark(label: Label, mark: str, cells: list[int], start: int, lead: int) -> Mark:
    last = len(cells) - 1
    first = min(max(label.span.start - start, 0), last)
    end = min(max(label.span.end - start, first), last)
    return cells[first] + lead, max(cells[end], cells[first] + 1) + lead, mark, label.text


def _underline(marks: list[Mark], color: bool, width: int) -> list[str]:
    """The row of underlines with the rightmost label, then the other labels from right to left; a
    label without room stands below, and further left.
    """
    row = [" "] * max(end for _, end, _, _ in marks)
    for first, end, mark, _ in sorted(marks, key=lambda item: item[2] == "^"):
        row[first:end] = mark * (end - first)
    ordered = sorted(marks, key=lambda item: item[0], reverse=True)
    line = "".join(row)
    if color:
        line = _paint(line)
    beside = printable(ordered[0][3])
    has_room = width >= WIDTH or len(row) + 1 + len(beside) <= width
    rows = [f"{line} {beside}".rstrip() if has_room else line]
    below = [(first, printable(text)) for first, _, _, text in ordered[1:] if text]
    if not has_room:
        below.insert(0, (ordered[0][0], beside))
    rows += [" " * max(min(first, width - len(text)), 0) + text for first, text in below]
    return rows


def _paint(line: str) -> str:
    """Carets red, dashes blue."""
    return line.replace("^", f"{RED}^{PLAIN}").replace("-", f"{BLUE}-{PLAIN}")
