"""From the place where the parser stopped to one sentence, where, and how to mend it.

First the words of other languages, then a keyword where a name belongs, then the rows of
`messages`; what none of them knows is said in general: what was found, what could stand there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from compiler.source import Diagnostic, Label, Span
from compiler.syntax.build import Lexeme
from compiler.syntax.messages import BORROWED, UNEXPECTED

DECLARATIONS = (
    "layer",
    "cell",
    "model",
    "function",
    "regularizer",
    "initializer",
    "optimizer",
    "schedule",
    "data",
    "train",
    "import",
)
KEYWORDS = frozenset(
    {
        *DECLARATIONS,
        "param",
        "noise",
        "state",
        "minimize",
        "using",
        "report",
        "descend",
        "contract",
        "if",
        "else",
        "and",
        "or",
        "not",
        "seq",
        "class",
        "scalar",
    }
)
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
EMPTY_CLAUSE = re.compile(r"(minimize|report|using|over|descend) » ")
WINDOW = 40  # how many tokens of a statement a row may see
VALUE_STARTS = frozenset({"NAME", "NUMBER", "LPAR", "LSQB", "MINUS"})
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
    begin = _statement_start(tokens, at)
    place = _place(tokens, at)
    borrowed = _borrowed(tokens, begin, at)
    if borrowed is not None:
        return borrowed
    line = _describe(tokens, begin, at)
    reserved = found.text in KEYWORDS and not _begins_declaration(tokens, begin, at)
    if reserved and not EMPTY_CLAUSE.search(line) and "NAME" in accepts():
        return Diagnostic(
            code="E0111",
            message=f"`{found.text}` is a word of the language, not a name",
            primary=Label(place, "expected a name"),
            hint=f"choose another name, such as `{found.text}_`",
        )
    for row in UNEXPECTED:
        if re.search(row.pattern, line):
            fields = _fields(tokens, begin, at)
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


def _statement_start(tokens: list[Lexeme], at: int) -> int:
    begin = at
    while begin and tokens[begin - 1].type not in ("NL", "LBRACE", "RBRACE", "ERROR"):
        begin -= 1
    return begin


def _place(tokens: list[Lexeme], at: int) -> Span:
    """The token; for the end of a line or of the file, the place just after the last word."""
    found = tokens[at]
    if at and found.type in ("NL", "$END", "RBRACE") and found.text != ";":
        last = tokens[at - 1].span
        if found.type != "RBRACE" or "\n" in last.source.text[last.end : found.span.start]:
            return Span(source=last.source, start=last.end, end=last.end)
    return found.span


def _describe(tokens: list[Lexeme], begin: int, at: int) -> str:
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


def _fields(tokens: list[Lexeme], begin: int, at: int) -> dict[str, str]:
    found, last = tokens[at], tokens[at - 1] if at else tokens[at]
    quoted = {"NL": "the end of the line", "$END": "the end of the file"}
    return {
        "found": _shorten(found.text),
        "last": _shorten(last.text),
        "first": _shorten(tokens[begin].text),
        "next": _shorten(tokens[min(at + 1, len(tokens) - 1)].text),
        "found_type": _type_text(tokens, at),
        "found_quoted": quoted.get(found.type, f"`{_shorten(found.text)}`"),
    }


def _type_text(tokens: list[Lexeme], at: int) -> str:
    """The type that begins here, as far as its closing bracket."""
    if tokens[at].text == ":":
        at += 1
    if tokens[at].type != "LSQB":
        return _shorten(tokens[at].text)
    end = at
    while tokens[end].type not in ("RSQB", "NL", "$END"):
        end += 1
    first, last = tokens[at].span, tokens[end].span
    return _shorten(first.source.text[first.start : last.end])


def _shorten(text: str) -> str:
    text = text.split("\n")[0]
    return text if len(text) <= 40 else text[:37] + "..."


def _borrowed(tokens: list[Lexeme], begin: int, at: int) -> Diagnostic | None:
    """`def`, `return` and other words of other languages, and misspelt declarations."""
    for word in (tokens[at], tokens[begin]):
        if word.type == "NAME" and word.text in BORROWED:
            return Diagnostic(
                code="E0117",
                message=f"`{word.text}` is not a word of this language",
                primary=Label(word.span),
                hint=BORROWED[word.text],
            )
    word = tokens[begin]
    top = at == begin and _at_top(tokens, at)
    if not top or word.type != "NAME":
        return None
    near = get_close_matches(word.text, DECLARATIONS, n=1, cutoff=0.6)
    return Diagnostic(
        code="E0117",
        message=f"expected a declaration, found `{_shorten(word.text)}`",
        primary=Label(word.span),
        hint=f"did you mean `{near[0]}`?"
        if near
        else "a file holds layer, cell, model, function, data, train and other declarations",
    )


def _at_top(tokens: list[Lexeme], at: int) -> bool:
    depth = 0
    for token in tokens[:at]:
        depth += (token.type == "LBRACE") - (token.type == "RBRACE")
    return depth == 0


def _in_general(tokens: list[Lexeme], begin: int, at: int, accepted: set[str]) -> Diagnostic:
    found = _fields(tokens, begin, at)["found_quoted"]
    wanted = _wanted(accepted)
    return Diagnostic(
        code="E0110",
        message=f"expected {wanted}, found {found}" if wanted else f"{found} cannot stand here",
        primary=Label(_place(tokens, at)),
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
