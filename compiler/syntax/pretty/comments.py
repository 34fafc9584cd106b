"""The page a program is printed on: the lines so far, and the author's comments yet to come.

A comment keeps its place: on a line of its own before what it stood before, or behind the code it
stood behind.  Empty lines are the author's, one at most.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Source, Span
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.pretty.fill import INDENT


@dataclass
class PageLine:
    """A printed line and the comment at its end."""

    code: str
    comment: str = ""


class Page:
    """Takes code, in the order of the source, and puts the comments around it."""

    def __init__(self, source: Source, lexemes: list[Lexeme]) -> None:
        self.source = source
        self.lines: list[PageLine] = []
        self.comments = [token for token in lexemes if token.type == "COMMENT"]
        self.next = 0  # the first comment not yet printed

    def text(self) -> str:
        """All lines, comments of neighbouring lines aligned."""
        _align_comments(self.lines)
        return "".join(f"{line.code}{line.comment}".rstrip() + "\n" for line in self.lines)

    def comments_within(self, start: int, end: int) -> list[Lexeme]:
        """Those of a stretch of the source that are not printed yet."""
        return [c for c in self.comments[self.next :] if start < c.span.start < end]

    def has_comments(self, start: int, end: int) -> bool:
        """Whether there are any."""
        return any(start < c.span.start < end for c in self.comments[self.next :])

    def write(self, text: str, indent: int, end: int) -> None:
        """Lines of code; the first is indented here, the others are already."""
        first, *others = text.split("\n")
        self.lines.append(PageLine(" " * indent + first))
        self.lines += [PageLine(other) for other in others]
        self.comment_behind(end)

    def comment_behind(self, end: int) -> None:
        """The comment on the line where the code that was just printed ends."""
        if self.next < len(self.comments):
            comment = self.comments[self.next]
            between = self.source.text[end : comment.span.start]
            if comment.span.start >= end and not between.strip(" \t;)") and self.lines:
                self.lines[-1].comment = comment.text.rstrip()
                self.next += 1

    def comments_before(self, place: int, indent: int) -> None:
        """The comments up to a place, each on a line of its own."""
        while self.next < len(self.comments) and self.comments[self.next].span.start < place:
            comment = self.comments[self.next]
            if self.empty_line_before(comment.span.start):
                self.empty_line()
            self.lines.append(PageLine(" " * indent + comment.text.rstrip()))
            self.next += 1

    def open_brace(self, place: int, indent: int) -> None:
        """The brace of a header printed verbatim; on a line of its own after a comment."""
        header_end = len(self.source.text[:place].rstrip())
        if self.comments[self.next - 1].span.end >= header_end:
            self.lines.append(PageLine(" " * indent + "{"))
        else:
            self.lines[-1].code += " {"

    def empty_line_before(self, place: int) -> bool:
        """Whether the author left one."""
        text = self.source.text
        begin = place
        while begin and text[begin - 1] in " \t\r\n":
            begin -= 1
        return text.count("\n", begin, place) > 1

    def empty_line(self) -> None:
        """One, unless here a file or a block begins."""
        if self.lines and self.lines[-1].code and not self.lines[-1].code.endswith("{"):
            self.lines.append(PageLine(""))

    def verbatim(self, start: int, end: int, indent: int) -> None:
        """The author's own lines, moved sideways together."""
        span = Span(source=self.source, start=start, end=end)
        first, *others = span.text.rstrip().split("\n")
        line = self.source.line_text(span.line)[: span.column - 1].expandtabs(INDENT)
        shift = indent - (len(line) if not line.strip() else indent)
        self.lines.append(PageLine(" " * indent + first.rstrip()))
        for other in others:
            code = other.expandtabs(INDENT).strip()
            column = len(other.expandtabs(INDENT)) - len(other.expandtabs(INDENT).lstrip())
            self.lines.append(PageLine(" " * max(0, column + shift) + code if code else ""))
        while self.next < len(self.comments) and self.comments[self.next].span.start < end:
            self.next += 1
        self.comment_behind(end)


def _align_comments(lines: list[PageLine]) -> None:
    """Two spaces before a comment; those of lines in a row begin in one column."""
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and lines[end].comment:
            end += 1
        column = max((len(line.code) for line in lines[at:end]), default=0) + 2
        for line in lines[at:end]:
            line.comment = " " * (column - len(line.code)) + line.comment
        at = end + 1
