"""What stands around the token where the parser stopped: its statement, its brackets, its words."""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.syntax.grammar.build_tree import Lexeme

KINDS = {
    "NAME": "NAME",
    "PRIMED": "NAME'",
    "NUMBER": "NUMBER",
    "DIMS": "DIMS",
    "TEXT": "TEXT",
    "KIND": "KIND",
    "COMPARE": "COMPARE",
    "SETTING": "SETTING",
    "NL": "NL",
    "$END": "END",
}
WINDOW = 40  # how many tokens of a statement a row may see


def statement_start(tokens: list[Lexeme], at: int) -> int:
    """Where the statement of `tokens[at]` begins."""
    begin = at
    while begin and tokens[begin - 1].type not in ("NL", "LBRACE", "RBRACE", "ERROR"):
        begin -= 1
    return begin


def place_of(tokens: list[Lexeme], at: int) -> Span:
    """The token; for the end of a line or of the file, the place just after the last word."""
    found = tokens[at]
    if at and found.type in ("NL", "$END", "RBRACE") and found.text != ";":
        last = tokens[at - 1].span
        if found.type != "RBRACE" or "\n" in last.source.text[last.end : found.span.start]:
            return Span(source=last.source, start=last.end, end=last.end)
    return found.span


def describe(tokens: list[Lexeme], begin: int, at: int) -> str:
    """The line that the patterns of the table are tried on."""
    start = max(begin, at - WINDOW)
    head = tokens[begin : begin + 2] if start > begin + 2 else []
    before = [_kind(token) for token in (*head, *tokens[start:at])]
    after = [_kind(token) for token in tokens[at : at + 3]]
    return " ".join([_innermost(tokens, begin, at), *before, "»", *after])


def _kind(token: Lexeme) -> str:
    return KINDS.get(token.type, token.text)


def _innermost(tokens: list[Lexeme], begin: int, at: int) -> str:
    depth = 0
    for token in reversed(tokens[begin:at]):
        if token.type in ("RPAR", "RSQB"):
            depth += 1
        elif token.type in ("LPAR", "LSQB"):
            if depth == 0:
                return token.text
            depth -= 1
    return "top"


def open_brackets(tokens: list[Lexeme], at: int) -> int:
    """How many ( and [ are open before `tokens[at]`, in its statement."""
    depth = 0
    while at and tokens[at - 1].type not in ("LBRACE", "RBRACE", "ERROR"):
        at -= 1
        depth += (tokens[at].type in ("LPAR", "LSQB")) - (tokens[at].type in ("RPAR", "RSQB"))
    return max(depth, 0)


def fields_of(tokens: list[Lexeme], begin: int, at: int) -> dict[str, str]:
    """The texts that a message of the table may quote."""
    found, last = tokens[at], tokens[at - 1] if at else tokens[at]
    quoted = {"NL": "the end of the line", "$END": "the end of the file"}
    return {
        "found": shorten(found.text),
        "last": shorten(last.text),
        "first": shorten(tokens[begin].text),
        "next": shorten(tokens[min(at + 1, len(tokens) - 1)].text),
        "found_type": _type_text(tokens, at),
        "found_quoted": quoted.get(found.type, f"`{shorten(found.text)}`"),
    }


def _type_text(tokens: list[Lexeme], at: int) -> str:
    """The type that begins here, as far as its closing bracket."""
    if tokens[at].text == ":":
        at += 1
    if tokens[at].type != "LSQB":
        return shorten(tokens[at].text)
    end = at
    while tokens[end].type not in ("RSQB", "NL", "$END"):
        end += 1
    first, last = tokens[at].span, tokens[end].span
    return shorten(first.source.text[first.start : last.end])


def shorten(text: str) -> str:
    """At most 40 characters of its first line."""
    text = text.split("\n")[0]
    return text if len(text) <= 40 else text[:37] + "..."


def at_top(tokens: list[Lexeme], at: int) -> bool:
    """Whether no body is open before `tokens[at]`."""
    depth = 0
    for token in tokens[:at]:
        depth += (token.type == "LBRACE") - (token.type == "RBRACE")
    return depth == 0
