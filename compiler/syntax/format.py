"""The one way a program is laid out: `format_source` prints the tree, and keeps the comments.

Four spaces a level, at most 100 columns, one statement a line.  Three things are the author's: the
empty lines (one at most), whether a body that fits stands on one line, and where a chain is broken
before `|>`.  A statement with a comment inside its brackets is left as it is but for its
indentation.  Formatting twice changes nothing, and never the tree.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.source import Source, Span
from compiler.syntax import tree
from compiler.syntax.build import Lexeme
from compiler.syntax.chains import Chain, align_claims, gaps, row_text, split_rows
from compiler.syntax.check import same_tree
from compiler.syntax.lines import INDENT, WIDTH, lay_out_lines
from compiler.syntax.parse import parse
from compiler.syntax.scan import scan
from compiler.syntax.statements import header_doc, statement_doc, tail
from compiler.syntax.unparse import expression

CLAUSES = (
    tree.Noise,
    tree.Minimize,
    tree.Descend,
    tree.Over,
    tree.Using,
    tree.Setting,
    tree.Report,
    tree.Step,
)
Bodied = tree.Definition | tree.Train | tree.Step


def format_source(source: Source) -> str:
    """The text of a program as it should stand; raises CompileError where it does not parse."""
    source = Source(source.name, source.text.replace("\r\n", "\n"))
    file = parse(source)
    printer = _Printer(source)
    printer.file(file)
    text = printer.text()
    assert same_tree(parse(Source(source.name, text)), file), "formatting keeps the tree"
    return text


@dataclass
class Line:
    """A printed line and the comment at its end."""

    code: str
    comment: str = ""


class _Printer:
    """Prints unit after unit, and the comments that come before, inside and behind each."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.lines: list[Line] = []
        lexemes = scan(source)
        self.comments = [token for token in lexemes if token.type == "COMMENT"]
        self.next = 0  # the first comment not yet printed
        self.opening = _matching_braces(lexemes)

    def text(self) -> str:
        """All lines, comments of neighbouring lines aligned."""
        _align_comments(self.lines)
        return "".join(f"{line.code}{line.comment}".rstrip() + "\n" for line in self.lines)

    def file(self, file: tree.File) -> None:
        """Declarations, with the empty lines of the author."""
        for declaration in file.declarations:
            self._comments_before(declaration.span.start, 0)
            if self._empty_line_before(declaration.span.start):
                self._empty_line()
            self._declaration(declaration)
        self._comments_before(len(self.source.text) + 1, 0)

    def _declaration(self, node: tree.Declaration) -> None:
        if isinstance(node, tree.Definition | tree.Train):
            self._bodied(node, lay_out_lines(header_doc(node), 0, 0, after=2), 0)
        elif self._has_comments(node.span.start, node.span.end):
            self._verbatim(node.span.start, node.span.end, 0)
        else:
            self._write(lay_out_lines(header_doc(node), 0, 0), 0, node.span.end)

    def _bodied(self, node: Bodied, header: str, indent: int) -> None:
        """A header and its body, on one line where the author has it so and it fits."""
        end = node.span.end
        brace = self.opening[end - 1]
        one_line = _one_line(header, node.body)
        if (
            "\n" not in self.source.text[brace:end]
            and one_line is not None
            and not self._has_comments(node.span.start, end)
            and indent + len(one_line) <= WIDTH
        ):
            self._write(one_line, indent, end)
            return
        if self._has_comments(node.span.start, brace):
            self._verbatim(node.span.start, brace, indent)
            header_end = len(self.source.text[:brace].rstrip())
            if self.comments[self.next - 1].span.end >= header_end:
                self.lines.append(Line(" " * indent + "{"))
            else:
                self.lines[-1].code += " {"
        else:
            self._write(header + " {", indent, brace + 1)
        self._comment_behind(brace + 1)
        for statement in node.body:
            self._comments_before(statement.span.start, indent + INDENT)
            if self._empty_line_before(statement.span.start):
                self._empty_line()
            self._statement(statement, indent + INDENT)
        self._comments_before(end - 1, indent + INDENT)
        self._write("}", indent, end)

    def _statement(self, node: tree.Statement, indent: int) -> None:
        start, end = node.span.start, node.span.end
        value = tail(node)
        if isinstance(node, tree.Step):
            self._bodied(node, statement_doc(node).flat, indent)
        elif isinstance(value, Chain) and self._breaks_chain(value, node, indent):
            self._chain(node, value, indent)
        elif self._has_comments(start, end):
            self._verbatim(start, end, indent)
        else:
            self._write(lay_out_lines(statement_doc(node), indent, indent), indent, end)

    def _breaks_chain(self, chain: Chain, node: tree.Statement, indent: int) -> bool:
        """Several lines, as the author has it or for want of room; comments only between them."""
        if not gaps(chain):
            return False
        between = gaps(chain)
        inside = [
            comment
            for comment in self.comments[self.next :]
            if node.span.start < comment.span.start < node.span.end
        ]
        if not all(any(a <= c.span.start < b for a, b in between) for c in inside):
            return False
        too_long = indent + len(statement_doc(node).flat) > WIDTH
        return too_long or any("\n" in self.source.text[a:b] for a, b in between)

    def _chain(self, node: tree.Statement, chain: Chain, indent: int) -> None:
        """A line for each line of the author's, or for each stage; claims aligned."""
        whole = statement_doc(node).flat
        prefix = whole.removesuffix(expression(chain).flat)
        hanging = indent + INDENT if prefix else indent
        rows = split_rows(chain)
        texts = [
            row_text(row, hanging if at else indent, "" if at else prefix)
            for at, row in enumerate(rows)
        ]
        for at, (text, row) in enumerate(zip(align_claims(texts), rows, strict=True)):
            if at:
                self._comments_before(row[0][1].span.start, hanging)
            self._write(text, hanging if at else indent, row[-1][1].span.end)

    def _has_comments(self, start: int, end: int) -> bool:
        return any(start < comment.span.start < end for comment in self.comments[self.next :])

    def _write(self, text: str, indent: int, end: int) -> None:
        """Lines of code; the first is indented here, the others are already."""
        first, *others = text.split("\n")
        self.lines.append(Line(" " * indent + first))
        self.lines += [Line(other) for other in others]
        self._comment_behind(end)

    def _comment_behind(self, end: int) -> None:
        """The comment on the line where the code that was just printed ends."""
        if self.next < len(self.comments):
            comment = self.comments[self.next]
            between = self.source.text[end : comment.span.start]
            if comment.span.start >= end and not between.strip(" \t;)") and self.lines:
                self.lines[-1].comment = comment.text.rstrip()
                self.next += 1

    def _comments_before(self, place: int, indent: int) -> None:
        """The comments up to a place, each on a line of its own."""
        while self.next < len(self.comments) and self.comments[self.next].span.start < place:
            comment = self.comments[self.next]
            if self._empty_line_before(comment.span.start):
                self._empty_line()
            self.lines.append(Line(" " * indent + comment.text.rstrip()))
            self.next += 1

    def _empty_line_before(self, place: int) -> bool:
        text = self.source.text
        begin = place
        while begin and text[begin - 1] in " \t\r\n":
            begin -= 1
        return text.count("\n", begin, place) > 1

    def _empty_line(self) -> None:
        """One, unless here a file or a block begins."""
        if self.lines and self.lines[-1].code and not self.lines[-1].code.endswith("{"):
            self.lines.append(Line(""))

    def _verbatim(self, start: int, end: int, indent: int) -> None:
        """The author's own lines, moved sideways together."""
        span = Span(source=self.source, start=start, end=end)
        first, *others = span.text.rstrip().split("\n")
        line = self.source.line_text(span.line)[: span.column - 1].expandtabs(INDENT)
        shift = indent - (len(line) if not line.strip() else indent)
        self.lines.append(Line(" " * indent + first.rstrip()))
        for other in others:
            code = other.expandtabs(INDENT).strip()
            column = len(other.expandtabs(INDENT)) - len(other.expandtabs(INDENT).lstrip())
            self.lines.append(Line(" " * max(0, column + shift) + code if code else ""))
        while self.next < len(self.comments) and self.comments[self.next].span.start < end:
            self.next += 1
        self._comment_behind(end)


def _one_line(header: str, body: tuple[tree.Statement, ...]) -> str | None:
    """`header { a; b }`, where no statement has a body of its own."""
    if "\n" in header or any(isinstance(statement, tree.Step) for statement in body):
        return None
    text = ""
    for at, statement in enumerate(body):
        both = at and isinstance(statement, CLAUSES) and isinstance(body[at - 1], CLAUSES)
        text += (" " if both else "; ") if at else ""
        text += statement_doc(statement).flat
    return f"{header} {{ {text} }}" if text else f"{header} {{ }}"


def _align_comments(lines: list[Line]) -> None:
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


def _matching_braces(tokens: list[Lexeme]) -> dict[int, int]:
    """Where the brace was opened that is closed at a place."""
    opened: list[int] = []
    pairs = {}
    for token in tokens:
        if token.type == "LBRACE":
            opened.append(token.span.start)
        elif token.type == "RBRACE":
            pairs[token.span.start] = opened.pop()
    return pairs
