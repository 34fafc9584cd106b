"""What may be written at a place, by the words before it.

The text is half written there, so only its words are looked at, and the names of the last text
that had a tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.editor.analysis import Analysis
from gradc_compiler.editor.declared_names import NameMeaning
from gradc_compiler.editor.hover import about_function, declaration
from gradc_compiler.editor.occurrences import BUILT_IN
from gradc_compiler.editor.words import (
    CONSTANTS,
    DECLARED,
    HELP,
    OF_SETTINGS,
    OF_TRAINING,
    STATEMENTS,
    TYPES,
)
from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import Definition

APPLIED = frozenset({"layer", "cell", "model", "function"})
ANYWHERE = frozenset({*APPLIED, "regularizer", "schedule"})
CALL = re.compile(r"([A-Za-z_]\w*)\(([^()]|\([^()]*\))*$")  # the innermost call that is open
OF_BODIES = ("param", "noise", "state")


@dataclass(frozen=True)
class Proposal:
    """A word that may be written, what it is, and a line about it."""

    label: str
    kind: str  # "keyword", or a kind of `NameMeaning`
    detail: str = ""


def completion(text: str, offset: int, last: Analysis | None) -> list[Proposal]:
    """What may be written at a place of a text; `last` is the analysis whose names are known."""
    before = text[:offset]
    start = len(before)
    while start and (before[start - 1].isalnum() or before[start - 1] == "_"):
        start -= 1
    return list({one.label: one for one in _proposed(before[:start], last, offset)}.values())


def _proposed(before: str, last: Analysis | None, offset: int) -> Iterator[Proposal]:
    line = before.rpartition("\n")[2].partition("#")
    if line[1]:
        return  # within a comment
    words = before.rstrip()
    if words.endswith("~"):
        yield from _named(last, frozenset({"initializer"}))
    elif words.endswith("|>"):
        yield from _named(last, APPLIED)
    elif re.search(r"(\w|\)) *: *(seq)?$", line[0]) or words.endswith("->"):
        yield from _words(TYPES | OF_SETTINGS)
    elif before.count("{") <= before.count("}"):
        declared = DECLARED | {"let": HELP["let"]}
        yield from _words({"on": HELP["on"]} if words.endswith("train") else declared)
    elif re.search(r"\busing\b[^\n]*$", line[0]) and not CALL.search(line[0]):
        yield from _named(last, frozenset({"optimizer"}))
        yield from _words(OF_TRAINING)
    else:
        yield from _in_a_body(before, line[0], last, offset)


def _in_a_body(before: str, line: str, last: Analysis | None, offset: int) -> Iterator[Proposal]:
    if (call := CALL.search(line)) is not None:
        yield from _settings(call[1], last)
    if not line.strip():
        training = re.search(r"\btrain\s+on\b", before[before.rfind("\n}") + 1 :]) is not None
        wanted = {name: HELP[name] for name in STATEMENTS if training or name in OF_BODIES}
        yield from _words(wanted | (OF_TRAINING | {"step": HELP["step"]} if training else {}))
    yield from _locals(last, offset)
    yield from _named(last, ANYWHERE)
    yield from (Proposal(name, "keyword") for name in CONSTANTS)


def _words(words: dict[str, str]) -> Iterator[Proposal]:
    return (Proposal(word, "keyword", said) for word, said in words.items())


def _named(last: Analysis | None, kinds: frozenset[str]) -> Iterator[Proposal]:
    """Definitions of these kinds: of the file, of what it imports, of the prelude."""
    unit = last.unit if last is not None else None
    own = {**unit.imported, **unit.definitions} if unit is not None else {}
    known = {name: found for name in prelude().places if (found := prelude().find(name))}
    for name, found in (known | own).items():
        tree = found.definition
        if tree.kind in kinds:
            yield Proposal(name, tree.kind, declaration(_declared(tree)))
    if kinds & APPLIED:
        for name in BUILTINS:
            yield Proposal(name, BUILT_IN, next(about_function(name)).splitlines()[1])


def _settings(function: str, last: Analysis | None) -> Iterator[Proposal]:
    """The settings of what is being called, with their signs."""
    found = last.unit.find(function) if last is not None and last.unit is not None else None
    found = found or prelude().find(function)
    for setting in found.definition.settings if found is not None else ():
        yield Proposal(f"{setting.name} = ", "setting", setting.span.text)


def _locals(last: Analysis | None, offset: int) -> Iterator[Proposal]:
    """The names that the surrounding declaration has."""
    if last is None or last.tree is None:
        return
    around = [d.span for d in last.tree.declarations if d.span.start <= offset]
    span = around[-1] if around else None
    for one in last.occurrences:
        known = one.declared
        if known is not None and span is not None and _within(one.span, span):
            if known.tree is not None and not isinstance(known.tree, Definition):
                yield Proposal(known.name, known.kind, declaration(known))
            elif known.kind in ("size", "index"):
                yield Proposal(known.name, known.kind)


def _within(inner: Span, outer: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _declared(tree: Definition) -> NameMeaning:
    return NameMeaning(tree.name, tree.kind, tree.name_span, tree)
