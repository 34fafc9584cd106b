"""Source text, places in it, and what the compiler has to say about them.

Every error and every warning a user sees is a `Diagnostic`: a stable code, one sentence, the place
it happened with its label, the places the expectation came from, and a hint.  One dataclass feeds
the terminal, the JSON output and the tests.  Columns count code points from 1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import field
from functools import cached_property
from importlib import import_module

from gradc_compiler.records.fast_dataclass import dataclass

ERROR, WARNING = "error", "warning"
LONGEST_MESSAGE = 600  # characters
RENDER = "gradc_compiler.diagnostics.render"


@dataclass(frozen=True)
class Source:
    """A file's name as shown to the user, and its text."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of each line's first character."""
        return [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]

    def line_text(self, line: int) -> str:
        """The text of a line, counted from 1, without its newline."""
        start = self.line_starts[line - 1]
        stop = self.text.find("\n", start)
        return self.text[start : len(self.text) if stop < 0 else stop]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The characters `start:end` of a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return bisect_right(self.source.line_starts, self.start)

    @property
    def column(self) -> int:
        """Column of the first character, from 1, in code points."""
        return self.start - self.source.line_starts[self.line - 1] + 1

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"

    def __repr__(self) -> str:
        return f"<{self}>"


@dataclass(frozen=True, slots=True)
class Label:
    """A span and what to say under it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """An error or a warning: code, sentence, where, why it was expected, how to mend it."""

    code: str
    message: str
    primary: Label
    secondary: tuple[Label, ...] = ()
    hint: str | None = None
    severity: str = ERROR

    def __post_init__(self) -> None:
        """Cut what no reader takes in: a sentence may name a name of thousands of characters."""
        if len(self.message) > LONGEST_MESSAGE:
            half = LONGEST_MESSAGE // 2
            short = f"{self.message[:half]} ... {self.message[-half:]}"
            object.__setattr__(self, "message", short)


class CompileError(Exception):
    """Raised with every diagnostic of a compilation at once; its text is what a terminal shows."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return self.rendered(color=False)

    def rendered(self, *, color: bool) -> str:
        """Lines, carets and hints.  `render` knows diagnostics, so it is met by name here."""
        found: str = import_module(RENDER).render_all(self.diagnostics, color=color)
        return found

    def _render_traceback_(self) -> list[str]:
        """The same in a notebook: IPython asks an exception for lines in place of a traceback."""
        return self.rendered(color=True).splitlines()


CompileError.__module__ = "gradc"  # where users know it from, and where a traceback says it is


def refused(name: str, code: str, message: str, hint: str) -> CompileError:
    """An error of a file as a whole, which has no text to show."""
    nowhere = Label(Span(source=Source(name, ""), start=0, end=0))
    return CompileError([Diagnostic(code=code, message=message, primary=nowhere, hint=hint)])
