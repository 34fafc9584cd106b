"""From text to tokens: forbidden characters, limits, lark's lexer.

What comes out is every token including comments, each with its place.  Whatever is wrong with the
text as text (a control character that would make the screen lie, an endless line) is said here,
before anything is parsed; what is written by mistake in a token is said in `syntax_errors`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Label, Source, Span
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.grammar.lalr_tables import grammar

MAX_COLUMNS = 10_000
MAX_TOKENS = 60_000
MOST_FORBIDDEN = 20  # characters that are told one by one

FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]"
    r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    r"|\r(?!\n)|[\u2028\u2029\ufeff]"
)
BIDIRECTIONAL = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_characters(source: Source) -> list[Diagnostic]:
    """Characters a program must not hold, even in comments, and lines too long to read."""
    forbidden = islice(FORBIDDEN.finditer(source.text), MOST_FORBIDDEN)
    return [_forbidden(source, match) for match in forbidden] + _too_long(source)


def _forbidden(source: Source, match: re.Match[str]) -> Diagnostic:
    character = match.group()
    turned = (
        "changes the direction of the text around it, so that the program would not read as it runs"
    )
    what = turned if character in BIDIRECTIONAL else "is a control character"
    span = Span(source=source, start=match.start(), end=match.end())
    return Diagnostic(
        code="E0102",
        message=f"the character U+{ord(character):04X} {what}",
        primary=Label(span, "here"),
        hint="delete it",
    )


def _too_long(source: Source) -> list[Diagnostic]:
    """The first line that is, if there is one."""
    for start, stop in pairwise([*source.line_starts, len(source.text) + 1]):
        length, edge = stop - start - 1, start + MAX_COLUMNS
        if length > MAX_COLUMNS:
            message = f"this line has {length:,} characters, the limit is {MAX_COLUMNS:,}"
            span = Span(source=source, start=edge, end=edge + 1)
            hint = "break the line before a `|>` or inside brackets"
            return [Diagnostic(code="E0106", message=message, primary=Label(span), hint=hint)]
    return []


def _too_many(span: Span) -> Diagnostic:
    """E0106 for a file of too many tokens."""
    return Diagnostic(
        code="E0106",
        message=f"the file has more than {MAX_TOKENS:,} words and signs",
        primary=Label(span, "the limit is reached here"),
        hint="split it, and put the parts together with `import`",
    )


def scan(source: Source) -> list[Lexeme]:
    """All tokens, comments among them, and `$END`.

    Raises `CompileError` with all lexical errors, or where the file has too many tokens.
    """
    problems = check_characters(source)
    if problems:
        raise CompileError(problems)
    tokens = []
    for token in _raw_tokens(source):
        start = token.start_pos
        span = Span(source=source, start=start, end=start + len(token))
        tokens.append(Lexeme(token.type, str(token), span))
        if len(tokens) > MAX_TOKENS:
            raise CompileError([_too_many(span)])
    end = len(source.text.rstrip())
    tokens.append(Lexeme("$END", "", Span(source=source, start=end, end=end)))
    return tokens


def _raw_tokens(source: Source) -> Iterable[Any]:
    return grammar().lex(source.text)
