"""Mends of what is wrong, made of the hints: each is tried, and only one that helps is offered.

A hint is a sentence for people.  What it has in backticks may belong in place of what is
underlined, before it or behind it; the compiler says whether the text is better then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from gradc_compiler.diagnostics.source import Diagnostic, Span
from gradc_compiler.editor.analysis import Analysis, analyse
from gradc_compiler.editor.hover import is_letter
from gradc_compiler.records.fast_dataclass import dataclass

QUOTED = re.compile(r"`([^`]+)`")
IN_PLACE = re.compile(  # hints whose text may stand in place of what is underlined
    r"did you mean|choose another name|in a chain it stands"
    r"|(?:.*; |.* is |)(?:write|written) (?!as)"
)
LINK = re.compile(r"`(\|> [^`]+)` (?:makes|gives)")  # hints whose text comes before it, or behind
CLOSED = re.compile(r"add `(.)` before `(.)`")
FITTING = re.compile(r"(.+) fits")
BEFORE = ("-> ", ": ", "|> ", "~ ", "= ")  # what a hint writes too, and the text may have already
UNDEFINED = "E0201"
AGAIN = "here too"  # what is said of a further place with the same fault
MOST = 6  # texts that are tried for one diagnostic


@dataclass(frozen=True)
class Fix:
    """What to write in place of a part of the text, and what it is called."""

    title: str
    span: Span
    text: str
    elsewhere: tuple[Span, ...] = ()  # other places with the same fault

    @property
    def spans(self) -> list[Span]:
        """The parts of the text that are replaced, in order."""
        return sorted({self.span, *self.elsewhere}, key=lambda span: span.start)

    def applied(self, text: str) -> str:
        """The text, mended."""
        for span in reversed(self.spans):
            text = text[: span.start] + self.text + text[span.end :]
        return text


def fixes(found: Analysis, diagnostic: Diagnostic) -> Iterator[Fix]:
    """What mends a diagnostic of this text, best first."""
    if diagnostic.hint is None or diagnostic.primary.span.source.name != found.source.name:
        return
    places = tuple(label.span for label in diagnostic.secondary if label.text == AGAIN)
    for fix in islice(_candidates(diagnostic.hint, diagnostic.primary.span), MOST):
        if fix.span == diagnostic.primary.span:
            fix = replace(fix, elsewhere=places)
        if helps(found, diagnostic, fix):
            yield fix


def helps(found: Analysis, diagnostic: Diagnostic, fix: Fix) -> bool:
    """Whether fewer things are wrong with the text then, and nothing else is than was.

    What hangs on a name that nobody declared was not looked into, so with another name more may be
    found: but not at that name itself.
    """
    after = analyse(fix.applied(found.source.text), Path(found.source.name)).diagnostics
    if diagnostic.code == UNDEFINED:
        longer = len(fix.text) - len(fix.span.text)
        start = fix.span.start + longer * fix.spans.index(fix.span)
        end = start + len(fix.text)
        return not any(d.primary.span.start < end and d.primary.span.end > start for d in after)
    before = [d for d in found.diagnostics if d is not diagnostic]
    return len(after) <= len(before) and {d.code for d in after} <= {d.code for d in before}


def _candidates(hint: str, span: Span) -> Iterator[Fix]:
    quoted = dict.fromkeys(text for text in QUOTED.findall(hint) if "..." not in text)
    if hint == "delete it":
        yield Fix("delete it", span, "")
    elif found := FITTING.fullmatch(hint):
        yield Fix(f"write {found[1]}", span, found[1])
    elif found := CLOSED.match(hint):
        at = span.source.text.find(found[2], span.end)
        yield Fix(f"add {found[1]}", Span(source=span.source, start=at, end=at), f"{found[1]} ")
    elif found := LINK.match(hint):
        yield from _linked(span, found[1])
    elif IN_PLACE.match(hint):
        for text in quoted:
            yield from _placed(span, text)
    elif any(text.startswith(f"({span.text})") for text in quoted):
        yield Fix(f"write ({span.text})", span, f"({span.text})")


def _placed(span: Span, text: str) -> Iterator[Fix]:
    """A text of a hint in place of what is underlined, or, where nothing of it is there, before."""
    before = span.source.text[: span.start].rstrip()
    for sign in BEFORE:
        if text.startswith(sign) and before.endswith(sign.strip()):
            yield Fix(f"write {text}", span, text.removeprefix(sign))
    if not (text.isidentifier() and within_a_name(span)):
        yield Fix(f"write {text}", span, text)
    if not text.isidentifier() and span.start < span.end:
        at = Span(source=span.source, start=span.start, end=span.start)
        yield Fix(f"add {text}", at, f"{text} ")
        end = Span(source=span.source, start=span.end, end=span.end)
        yield Fix(f"add {text}", end, text if text == '"' else f" {text}")


def within_a_name(span: Span) -> bool:
    """Whether letters stand right before or behind: `my-block`."""
    around = span.source.text[max(span.start - 1, 0) : span.end + 1]
    return not span.text.isidentifier() and (is_letter(around[0]) or is_letter(around[-1]))


def _linked(span: Span, text: str) -> Iterator[Fix]:
    """A link of a chain ahead of the one that is underlined, or behind a value."""
    before = span.source.text[: span.start].rstrip()
    at = len(before) - 2 if before.endswith("|>") else span.end
    place = Span(source=span.source, start=at, end=at)
    yield Fix(f"add {text}", place, f" {text}" if at == span.end else f"{text} ")
