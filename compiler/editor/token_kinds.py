"""What each word of a text is, for semantic colours: the lexer's words, and what names stand for.

The lexer alone knows keywords, numbers and comments, so a text with errors has colours too.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.diagnostics.source import CompileError, Span
from gradc_compiler.editor.analysis import OF_PRELUDE, Analysis
from gradc_compiler.editor.occurrences import BUILT_IN, Occurrence
from gradc_compiler.editor.words import OF_SETTINGS
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.lex.lex import scan
from gradc_compiler.syntax.lex.newlines import lay_out

KINDS = (  # as the protocol calls them; their places are what is sent
    "keyword", "type", "class", "function", "parameter", "property", "variable", "number",
    "string", "comment", "operator", "namespace",
)  # fmt: skip
MODIFIERS = ("declaration", "defaultLibrary", "modification")
OF_NAMES = {
    "layer": "class", "cell": "class", "model": "class", "optimizer": "class",
    "function": "function", "regularizer": "function", "initializer": "function",
    "schedule": "function", BUILT_IN: "function", "data": "namespace", "step": "namespace",
    "setting": "parameter", "input": "parameter", "field": "parameter", "size": "type",
    "param": "property", "state": "property", "noise": "property", "value": "variable",
    "index": "variable", "constant": "variable",
}  # fmt: skip
OF_WORDS = {"NUMBER": "number", "DIMS": "number", "TEXT": "string", "COMMENT": "comment"}
SIGNS = {"PIPE", "ARROW", "REST", "FLOOR", "COMPARE"}


@dataclass(frozen=True)
class Coloured:
    """A word with its kind."""

    span: Span
    kind: str
    modifiers: tuple[str, ...] = ()


def token_kinds(found: Analysis) -> Iterator[Coloured]:
    """Every word that has a colour, in order."""
    try:
        raw = scan(found.source)
        words, _, _, _ = lay_out(raw)
    except CompileError:
        return  # a text that is no sequence of words, or is nested too deeply
    comments = [token for token in raw if token.type == "COMMENT"]
    known = {one.span.start: one for one in found.occurrences if one.declared is not None}
    for token in sorted([*words, *comments], key=lambda one: one.span.start):
        kind = OF_WORDS.get(token.type) or _kind(token.type, token.text)
        if kind == "variable":
            yield _name(token.span, known.get(token.span.start))
        elif kind:
            yield Coloured(token.span, kind)


def _kind(terminal: str, text: str) -> str | None:
    if terminal in SIGNS or terminal in ("EQUAL", "TILDE"):
        return "operator"
    if terminal in ("NAME", "PRIMED"):
        return "type" if text in OF_SETTINGS else "variable"
    return "keyword" if text.isidentifier() else None


def _name(span: Span, here: Occurrence | None) -> Coloured:
    if here is None or here.declared is None:
        return Coloured(span, "variable")
    declared = here.declared
    modifiers = ["declaration"] if here.declares else []
    if declared.span is None or declared.span.source.name.startswith(OF_PRELUDE):
        modifiers.append("defaultLibrary")
    if span.text.endswith("'"):
        modifiers.append("modification")
    return Coloured(span, OF_NAMES.get(declared.kind, "variable"), tuple(modifiers))
