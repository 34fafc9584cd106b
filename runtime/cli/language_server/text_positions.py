"""Places in a text as the protocol counts them: lines from 0, columns in units of UTF-16.

A letter beyond the basic plane takes two units, and an editor that is not told otherwise counts
them so; the compiler counts code points.
"""

from __future__ import annotations

from bisect import bisect_right

from lsprotocol import types as lsp

from gradc_compiler.diagnostics.source import Source, Span

BASIC = 0xFFFF  # the last code point that takes one unit


def units(text: str) -> int:
    """How many units a text takes."""
    return len(text) + sum(ord(character) > BASIC for character in text)


def position_of(source: Source, offset: int) -> lsp.Position:
    """A place as the protocol says it."""
    line = bisect_right(source.line_starts, offset) - 1
    before = source.text[source.line_starts[line] : offset]
    return lsp.Position(line=line, character=units(before))


def range_of(span: Span) -> lsp.Range:
    """The ends of a part of a text."""
    source = span.source
    return lsp.Range(start=position_of(source, span.start), end=position_of(source, span.end))


def whole(source: Source) -> lsp.Range:
    """All of a text."""
    return range_of(Span(source=source, start=0, end=len(source.text)))


def offset_of(source: Source, position: lsp.Position) -> int:
    """The place that the protocol says; the end of a line for what lies behind it."""
    line, left = int(position.line), int(position.character)
    if line >= len(source.line_starts):
        return len(source.text)
    start, text = source.line_starts[line], source.line_text(line + 1)
    for number, character in enumerate(text):
        if left <= 0:
            return start + number
        left -= units(character)
    return start + len(text)
