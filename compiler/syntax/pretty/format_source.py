"""The one way a program is laid out: `format_source` prints the tree, and keeps the comments.

Four spaces a level, at most 100 columns, one statement a line.  Three things are the author's: the
empty lines (one at most), what stands together on one line of at most 120 columns (a body, the
clauses of a step), and where a chain is broken before `|>`.  A statement with a comment inside its
brackets is left as it is but for its indentation.  Formatting twice changes nothing, and never the
tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.syntax.grammar import tree
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.grammar.check_tree import same_tree
from gradc_compiler.syntax.grammar.unparse import expression
from gradc_compiler.syntax.lex.lex import scan
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.pretty.chain_docs import Chain, align_claims, gaps, row_text, split_rows
from gradc_compiler.syntax.pretty.comments import Page
from gradc_compiler.syntax.pretty.fill import INDENT, KEPT, WIDTH, lay_out_lines
from gradc_compiler.syntax.pretty.statement_docs import header_doc, statement_doc, tail

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
Bodied = tree.Definition | tree.Derivative | tree.Train | tree.Step


def format_source(source: Source) -> str:
    """The text of a program as it should stand; raises CompileError where it does not parse."""
    source = Source(source.name, source.text.replace("\r\n", "\n"))
    file = parse(source)
    printer = _Printer(source)
    printer.file(file)
    text = printer.page.text()
    assert same_tree(parse(Source(source.name, text)), file), "formatting keeps the tree"
    return text


class _Printer:
    """Prints unit after unit, and the comments that come before, inside and behind each."""

    def __init__(self, source: Source) -> None:
        self.source = source
        lexemes = scan(source)
        self.page = Page(source, lexemes)
        self.opening = _matching_braces(lexemes)

    def file(self, file: tree.File) -> None:
        """Declarations, with the empty lines of the author."""
        for declaration in file.declarations:
            self.page.comments_before(declaration.span.start, 0)
            if self.page.empty_line_before(declaration.span.start):
                self.page.empty_line()
            self._declaration(declaration)
        self.page.comments_before(len(self.source.text) + 1, 0)

    def _declaration(self, node: tree.Declaration) -> None:
        if isinstance(node, tree.Definition | tree.Derivative | tree.Train):
            self._bodied(node, lay_out_lines(header_doc(node), 0, 0, after=2), 0)
        elif self.page.has_comments(node.span.start, node.span.end):
            self.page.verbatim(node.span.start, node.span.end, 0)
        else:
            self.page.write(lay_out_lines(header_doc(node), 0, 0), 0, node.span.end)

    def _bodied(self, node: Bodied, header: str, indent: int) -> None:
        """A header and its body, on one line where the author has it so and it fits."""
        end = node.span.end
        brace = self.opening[end - 1]
        one_line = _one_line(header, node.body)
        if one_line is not None and self._keeps_line(one_line, indent, node, brace):
            self.page.write(one_line, indent, end)
            return
        if self.page.has_comments(node.span.start, brace):
            self.page.verbatim(node.span.start, brace, indent)
            self.page.open_brace(brace, indent)
        else:
            self.page.write(header + " {", indent, brace + 1)
        self.page.comment_behind(brace + 1)
        for statements in self._lines_of(node.body, indent + INDENT):
            self.page.comments_before(statements[0].span.start, indent + INDENT)
            if self.page.empty_line_before(statements[0].span.start):
                self.page.empty_line()
            self._statements(statements, indent + INDENT)
        self.page.comments_before(end - 1, indent + INDENT)
        self.page.write("}", indent, end)

    def _keeps_line(self, text: str, indent: int, node: tree.Tree, start: int) -> bool:
        """Whether the author has it on one line, from `start` on, and it fits there."""
        is_one = "\n" not in self.source.text[start : node.span.end]
        alone = not self.page.has_comments(node.span.start, node.span.end)
        return is_one and alone and indent + len(text) <= KEPT

    def _lines_of(
        self, body: tuple[tree.Statement, ...], indent: int
    ) -> Iterator[list[tree.Statement]]:
        """The statements of each line: one, or the clauses that the author has side by side."""
        line: list[tree.Statement] = []
        for statement in body:
            beside = [*line, statement]
            if not line or not self._stand_side_by_side(beside, indent):
                if line:
                    yield line
                beside = [statement]
            line = beside
        if line:
            yield line

    def _stand_side_by_side(self, statements: list[tree.Statement], indent: int) -> bool:
        start, end = statements[0].span.start, statements[-1].span.end
        return (
            all(isinstance(s, CLAUSES) and not isinstance(s, tree.Step) for s in statements)
            and "\n" not in self.source.text[start:end]
            and indent + len(_side_by_side(statements)) <= KEPT
        )

    def _statements(self, statements: list[tree.Statement], indent: int) -> None:
        if len(statements) == 1:
            self._statement(statements[0], indent)
        else:
            self.page.write(_side_by_side(statements), indent, statements[-1].span.end)

    def _statement(self, node: tree.Statement, indent: int) -> None:
        start, end = node.span.start, node.span.end
        value = tail(node)
        if isinstance(node, tree.Step):
            self._bodied(node, statement_doc(node).flat, indent)
        elif isinstance(value, Chain) and self._breaks_chain(value, node, indent):
            self._chain(node, value, indent)
        elif self.page.has_comments(start, end):
            self.page.verbatim(start, end, indent)
        else:
            doc = statement_doc(node)
            kept = self._keeps_line(doc.flat, indent, node, start)
            text = doc.flat if kept else lay_out_lines(doc, indent, indent)
            self.page.write(text, indent, end)

    def _breaks_chain(self, chain: Chain, node: tree.Statement, indent: int) -> bool:
        """Several lines, as the author has it or for want of room; comments only between them."""
        if not gaps(chain):
            return False
        between = gaps(chain)
        inside = self.page.comments_within(node.span.start, node.span.end)
        if not all(any(a <= c.span.start < b for a, b in between) for c in inside):
            return False
        text = statement_doc(node).flat
        too_long = indent + len(text) > WIDTH
        too_long = too_long and not self._keeps_line(text, indent, node, node.span.start)
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
                self.page.comments_before(row[0].part.span.start, hanging)
            self.page.write(text, hanging if at else indent, row[-1].part.span.end)


def _one_line(header: str, body: tuple[tree.Statement, ...]) -> str | None:
    """`header { a; b }`, where no statement has a body of its own."""
    if "\n" in header or any(isinstance(statement, tree.Step) for statement in body):
        return None
    text = _side_by_side(body)
    return f"{header} {{ {text} }}" if text else f"{header} {{ }}"


def _side_by_side(body: Sequence[tree.Statement]) -> str:
    """`a; b`; clauses need nothing between them."""
    text = ""
    for at, statement in enumerate(body):
        both = at and isinstance(statement, CLAUSES) and isinstance(body[at - 1], CLAUSES)
        text += (" " if both else "; ") if at else ""
        text += statement_doc(statement).flat
    return text


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
