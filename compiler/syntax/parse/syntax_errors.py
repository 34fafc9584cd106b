"""From the place where the parser stopped to one sentence, where, and how to mend it.

First the words of other languages, then a keyword where a name belongs, then the rows of
`messages`; what none of them knows is said in general: what was found, what could stand there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from gradc_compiler.diagnostics.source import Diagnostic, Label, Span
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.grammar.keywords import DECLARATIONS, KEYWORDS
from gradc_compiler.syntax.parse.messages import BORROWED, OF_CONSTANTS, UNEXPECTED
from gradc_compiler.syntax.parse.parse_context import (
    at_top,
    describe,
    fields_of,
    place_of,
    shorten,
    statement_start,
)
from gradc_compiler.syntax.parse.training_words import foreign_clause

INSTEAD = {  # of a word where a value belongs, by whether a bracket follows it
    ("param", True): "a parameter has a line of its own: `param W : [3, 4] ~ glorot_uniform`",
    ("noise", True): "noise has a line of its own: `noise e : [3] ~ normal(0, 1)`",
    ("state", True): "a state has a line of its own: `state m : [3] = 0`",
    ("if", True): "it stands between two values: `a if x > 0 else b`",
    ("if", False): "it stands between two values: `a if x > 0 else b`",
}
EMPTY_CLAUSE = re.compile(r"(minimize|report|using|over|descend) » ")
VALUE_STARTS = frozenset({"NAME", "NUMBER", "LPAR", "LSQB", "MINUS"})
CONSTANTS = frozenset({"NUMBER", "DIMS", "TEXT"})
OPERATORS = frozenset({"PLUS", "STAR", "SLASH", "AT"})
EXPECTED = {
    "NAME": "a name",
    "TEXT": "a quoted text",
    "NL": "the end of the line",
    "$END": "the end of the file",
    "KIND": "a declaration",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "EQUAL": "`=`",
    "TILDE": "`~`",
    "ARROW": "`->`",
    "PIPE": "`|>`",
    "ELSE": "`else`",
    "FROM": "`from`",
    "ON": "`on`",
    "ALONG": "`along`",
}


def explain_unexpected(
    tokens: list[Lexeme], at: int, accepts: Callable[[], set[str]]
) -> Diagnostic:
    """Why `tokens[at]` cannot stand where it stands; `accepts` tells what could."""
    found = tokens[at]
    begin = statement_start(tokens, at)
    place = place_of(tokens, at)
    foreign = foreign_clause(tokens, begin, at) or _borrowed(tokens, begin, at)
    if foreign is not None:
        return foreign
    line = describe(tokens, begin, at)
    reserved = found.text in KEYWORDS and not _begins_declaration(tokens, begin, at)
    if reserved and not EMPTY_CLAUSE.search(line) and "NAME" in accepts():
        return _reserved(found.text, place, called=tokens[at + 1].type == "LPAR")
    for row in UNEXPECTED:
        if re.search(row.pattern, line):
            fields = fields_of(tokens, begin, at)
            return Diagnostic(
                code=row.code,
                message=row.message.format(**fields),
                primary=Label(place, row.label),
                hint=row.hint.format(**fields),
            )
    return _in_general(tokens, begin, at, accepts())


def _begins_declaration(tokens: list[Lexeme], begin: int, at: int) -> bool:
    """A declaration, or a keyword statement, out of its place: `model g(x)` in a body."""
    following = tokens[min(at + 1, len(tokens) - 1)]
    return begin == at and following.type in ("NAME", "TEXT", "ON")


def _borrowed(tokens: list[Lexeme], begin: int, at: int) -> Diagnostic | None:
    """`def`, `return` and other words of other languages, and misspelt declarations."""
    for word in (tokens[at], tokens[begin], tokens[max(at - 1, begin)]):
        if word.type == "NAME" and word.text in BORROWED:
            return _foreign(word, at_top(tokens, at))
    word = tokens[begin]
    top = at == begin and at_top(tokens, at)
    if not top or word.type != "NAME":
        return None
    near = get_close_matches(word.text, DECLARATIONS, n=1, cutoff=0.6)
    return Diagnostic(
        code="E0117",
        message=f"expected a declaration, found `{shorten(word.text)}`",
        primary=Label(word.span),
        hint=_constant(tokens, at)
        or (f"did you mean `{near[0]}`?" if near else None)
        or "a file holds layer, cell, model, function, data, train and other declarations",
    )


def _foreign(word: Lexeme, top: bool) -> Diagnostic:
    """E0117 for a word of another language, or for `let` out of its place."""
    message = f"`{word.text}` is not a word of this language"
    if word.text == "let":
        message = "`let` declares a constant, at the top of a file"
    constant = top and word.text in OF_CONSTANTS
    hint = "write `let name = value`" if constant else BORROWED[word.text]
    return Diagnostic(code="E0117", message=message, primary=Label(word.span), hint=hint)


def _constant(tokens: list[Lexeme], at: int) -> str | None:
    """How `hidden = 64` is written at the top of a file."""
    value = [token.text for token in tokens[at + 2 : at + 3] if token.type in CONSTANTS]
    if tokens[at + 1].type != "EQUAL" or not value:
        return None
    return f"write `let {shorten(tokens[at].text)} = {shorten(value[0])}`: a constant of the file"


def _reserved(word: str, place: Span, *, called: bool) -> Diagnostic:
    """E0111 for a word of the language where a name is wanted."""
    return Diagnostic(
        code="E0111",
        message=f"`{word}` is a word of the language, not a name",
        primary=Label(place, "expected a name"),
        hint=INSTEAD.get((word, called), f"choose another name, such as `{word}_`"),
    )


def _in_general(tokens: list[Lexeme], begin: int, at: int, accepted: set[str]) -> Diagnostic:
    found = fields_of(tokens, begin, at)["found_quoted"]
    wanted = _wanted(accepted)
    return Diagnostic(
        code="E0110",
        message=f"expected {wanted}, found {found}" if wanted else f"{found} cannot stand here",
        primary=Label(place_of(tokens, at)),
        hint=None,
    )


def _wanted(accepted: set[str]) -> str:
    names = []
    if "KIND" in accepted:
        accepted = accepted - {"$END"}
    if accepted >= VALUE_STARTS:
        names.append("a value")
        accepted = accepted - VALUE_STARTS - {"TEXT"}
    if accepted >= OPERATORS:
        names.append("an operator")
        accepted = accepted - {"LPAR", "LSQB", "PIPE", "COLON"}
    names += [text for kind, text in EXPECTED.items() if kind in accepted]
    return ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else "".join(names)
