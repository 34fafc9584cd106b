"""Syntax errors as a table."""

from __future__ import annotations

from compiler.source import Diagnostic, Label
from compiler.syntax.build import Lexeme


def misspelt(token: Lexeme) -> tuple[Lexeme, Diagnostic]:
    return Lexeme("NAME", "x", token.span), Diagnostic(
        code="E0114", message=f"`{token.text}` is not part of the language",
        primary=Label(token.span))


def explain_unexpected(tokens: list[Lexeme], at: int, expected: set[str]) -> Diagnostic:
    return Diagnostic(code="E0110", message=f"unexpected `{tokens[at].text}`",
                      primary=Label(tokens[at].span), hint=str(sorted(expected)))
