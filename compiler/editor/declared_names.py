"""What the parts of a text declare: parameters, statements, the names of sizes in types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.types.ranges import RANGES
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import (
    Assign,
    Name,
    NameType,
    Noise,
    Param,
    Parameter,
    Rest,
    Statement,
    States,
    Step,
    Tree,
)

TYPE_WORDS = frozenset({"size", "number", "layer", "cell", "function", "model", *RANGES})


@dataclass(frozen=True, eq=False)
class NameMeaning:
    """What a name stands for: the place where it is declared, and as what."""

    name: str
    kind: str  # a kind of definition, "param", "setting", "input", "size", "value", "built-in", ...
    span: Span | None  # of the name; None for a function of the language
    tree: Tree | None = None  # what declares it


Visible = dict[str, NameMeaning]


def meanings(kind: str, parameters: tuple[Parameter, ...]) -> Visible:
    """What a list of parameters declares."""
    return {p.name: NameMeaning(p.name, kind, p.name_span, p) for p in parameters}


def declared_in(body: tuple[Statement, ...]) -> Visible:
    """What the statements of a body declare; the first of two equal names counts."""
    found: Visible = {}
    for statement in body:
        for name, kind, span, tree in names_of(statement):
            found.setdefault(name, NameMeaning(name, kind, span, tree))
    return found


def names_of(statement: Statement) -> Iterator[tuple[str, str, Span, Tree]]:
    match statement:
        case Param(name=name, name_span=span):
            yield name, "param", span, statement
        case Noise(name=name, name_span=span):
            yield name, "noise", span, statement
        case States(entries=entries):
            yield from ((one.name, "state", one.name_span, one) for one in entries)
        case Assign(targets=targets):
            yield from ((one.name, "value", one.span, statement) for one in targets)
        case Step(name=name, name_span=span):
            yield f"step {name}", "step", span, statement


def sizes_of(type: Tree | None) -> Iterator[tuple[str, Span]]:
    """The names of sizes and of whole types in a type."""
    match type:
        case NameType(name=name, span=span) if name not in TYPE_WORDS:
            yield name, span
        case Name(name=name, span=span):
            yield name, span
        case Rest(name=name, span=span):
            yield name, Span(source=span.source, start=span.end - len(name), end=span.end)
        case Tree():
            for part in parts_of(type):
                yield from sizes_of(part)


def parts_of(tree: Tree) -> Iterator[Tree]:
    """The nodes below a node, in the order of its fields."""
    for field in fields(tree):
        value = getattr(tree, field.name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Tree):
                yield one
