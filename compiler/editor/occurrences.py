"""Every name in a file, and the declaration that it stands for.

A walk over the tree with the names that are visible where it stands: of the file, of a definition
(settings, inputs, the sizes in their types, everything its body names), of a step.  What is not
found there is looked for in imports, the prelude and the functions of the language.  Nothing is
elaborated, so this works on a spec with any errors but those of syntax.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.names.library import SourceModule
from gradc_compiler.elaborate.types.ranges import RANGES
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import (
    Argument,
    Assign,
    Attribute,
    Call,
    ContractExpr,
    Data,
    Definition,
    File,
    Import,
    Let,
    Name,
    NameType,
    Noise,
    Param,
    Parameter,
    Rest,
    State,
    Statement,
    States,
    Step,
    Train,
    Tree,
)

BUILT_IN = "built-in"
TYPE_WORDS = frozenset({"size", "number", "layer", "cell", "function", "model", *RANGES})


@dataclass(frozen=True, eq=False)
class NameMeaning:
    """What a name stands for: the place where it is declared, and as what."""

    name: str
    kind: str  # a kind of definition, "param", "setting", "input", "size", "value", "built-in", ...
    span: Span | None  # of the name; None for a function of the language
    tree: Tree | None = None  # what declares it


@dataclass(frozen=True)
class Occurrence:
    """A name as it stands in the text."""

    span: Span
    declared: NameMeaning | None  # None where it stands for nothing that is known

    @property
    def declares(self) -> bool:
        """Whether it is the declaration itself."""
        return self.declared is not None and self.declared.span == self.span


Visible = dict[str, NameMeaning]


def occurrences(file: File, unit: SourceModule) -> Iterator[Occurrence]:
    """All names of a file, in no order."""
    walk = NameWalk(unit)
    for declaration in file.declarations:
        yield from walk.declaration(declaration)


class NameWalk:
    """The walk, with the declarations of the file and of what it has met of others."""

    def __init__(self, unit: SourceModule) -> None:
        self.unit = unit
        self.of_file: dict[str, NameMeaning | None] = {}
        self.of_bodies: dict[int, Visible] = {}  # by the identity of a definition

    def declaration(self, tree: Tree) -> Iterator[Occurrence]:
        """The names of a declaration."""
        match tree:
            case Definition(name=name, name_span=span):
                yield Occurrence(span, self.global_(name))
                visible = self.body_of(tree)
                yield from self.children(tree, visible)
            case Import(names=names):
                for one in names or ():
                    yield Occurrence(one.span, self.global_(one.name))
            case Data(name=name, name_span=span, fields=own, source=source):
                yield Occurrence(span, self.global_(name))
                for field in own:
                    declared = self.fields_of(tree)[field.name]
                    yield Occurrence(field.name_span, declared)
                    yield from self.children(field, {})
                yield from self.children(source, {})
            case Let(name=name, name_span=span, value=value):
                yield Occurrence(span, self.global_(name))
                yield from self.node(value, {})
            case Train(data=data, body=body):
                yield Occurrence(data.span, self.global_(data.name))
                source_of = self.unit.data.get(data.name)
                visible = dict(self.fields_of(source_of)) if source_of else {}
                yield from self.statements(body, visible | _declared(body))

    def statements(self, body: tuple[Statement, ...], visible: Visible) -> Iterator[Occurrence]:
        """The names of a body."""
        for statement in body:
            yield from self.node(statement, visible)

    def children(self, tree: Tree, visible: Visible) -> Iterator[Occurrence]:
        """The names in the parts of a node."""
        for part in _parts(tree):
            yield from self.node(part, visible)

    def node(self, tree: Tree, visible: Visible) -> Iterator[Occurrence]:
        """The names in a node, with what is visible there."""
        match tree:
            case ContractExpr():
                yield from self.children(tree, visible | self.indices(tree, visible))
            case Step(name=name, name_span=span, body=body):
                yield Occurrence(span, visible.get(f"step {name}"))
                yield from self.statements(body, visible | _declared(body))
            case _:
                yield from self.own(tree, visible)
                yield from self.children(tree, visible)

    def own(self, tree: Tree, visible: Visible) -> Iterator[Occurrence]:
        """The names of a node itself, without those of its parts."""
        match tree:
            case Name(name=name, span=span):
                yield self.named(name, span, visible)
            case NameType(name=name, span=span) if name not in TYPE_WORDS:
                yield self.named(name, span, visible)
            case Rest(name=name, span=span):
                place = Span(source=span.source, start=span.end - len(name), end=span.end)
                yield self.named(name, place, visible)
            case Parameter() | Param() | Noise() | State():
                yield Occurrence(tree.name_span, visible.get(tree.name))
            case Attribute(base=base, name=name, span=span):
                yield from self.attribute(base, name, span, visible)
            case Call(function=function, arguments=arguments):
                yield from self.arguments(function, arguments, visible)

    def named(self, name: str, span: Span, visible: Visible) -> Occurrence:
        """A name where it is read or set; a prime belongs to the sign, not to the name."""
        plain = name.rstrip("'")
        span = Span(source=span.source, start=span.start, end=span.start + len(plain))
        return Occurrence(span, visible.get(plain) or self.global_(plain))

    def indices(self, tree: ContractExpr, visible: Visible) -> Visible:
        """The indices of a contraction: its names that stand for nothing outside of it."""
        places = [*tree.axes, *(index for factor in tree.factors for index in factor.indices)]
        found: Visible = {}
        for name, span in (one for place in places for one in _sizes(place)):
            if name not in visible and self.global_(name) is None:
                found.setdefault(name, NameMeaning(name, "index", span, tree))
        return found

    def attribute(
        self, base: Tree, name: str, span: Span, visible: Visible
    ) -> Iterator[Occurrence]:
        """`net.W`: the name behind the dot, where the body of `net` declares it."""
        if isinstance(base, Name):
            known = visible.get(base.name) or self.global_(base.name)
            if known is not None and isinstance(known.tree, Definition):
                place = Span(source=span.source, start=span.end - len(name), end=span.end)
                yield Occurrence(place, self.body_of(known.tree).get(name))

    def arguments(
        self, function: Tree, arguments: tuple[Argument, ...], visible: Visible
    ) -> Iterator[Occurrence]:
        """`dense(units = 3)`: the names before the signs, which are those of a signature."""
        known = None
        if isinstance(function, Name):
            known = visible.get(function.name) or self.global_(function.name)
        for argument in arguments:
            if argument.name is None:
                continue
            start = argument.span.start
            place = Span(source=argument.span.source, start=start, end=start + len(argument.name))
            definition = known.tree if known is not None else None
            is_known = isinstance(definition, Definition)
            body = self.body_of(definition) if isinstance(definition, Definition) else {}
            yield Occurrence(place, body.get(argument.name) if is_known else None)

    def global_(self, name: str) -> NameMeaning | None:
        """What a name means in the whole file."""
        if name not in self.of_file:
            self.of_file[name] = self._find(name)
        return self.of_file[name]

    def _find(self, name: str) -> NameMeaning | None:
        for let in self.unit.lets():
            if let.name == name:
                return NameMeaning(name, "constant", let.name_span, let)
        if (data := self.unit.data.get(name)) is not None:
            return NameMeaning(name, "data", data.name_span, data)
        if (found := self.unit.find(name)) is not None:
            tree = found.definition
            return NameMeaning(name, tree.kind, tree.name_span, tree)
        return NameMeaning(name, BUILT_IN, None) if name in BUILTINS else None

    def body_of(self, tree: Definition) -> Visible:
        """What the body of a definition sees of its own; once, so that all its uses are one."""
        if id(tree) not in self.of_bodies:
            lets = {let.name for let in self.unit.lets() if let.span.source is tree.span.source}
            sizes = {
                name: NameMeaning(name, "size", span, tree)
                for parameter in reversed(tree.inputs)
                for name, span in reversed([*_sizes(parameter.type)])
                if name not in lets
            }
            settings, inputs = _meanings("setting", tree.settings), _meanings("input", tree.inputs)
            self.of_bodies[id(tree)] = sizes | _declared(tree.body) | settings | inputs
        return self.of_bodies[id(tree)]

    def fields_of(self, data: Data) -> Visible:
        """The fields of a data declaration; once."""
        if id(data) not in self.of_bodies:
            self.of_bodies[id(data)] = _meanings("field", data.fields)
        return self.of_bodies[id(data)]


def _meanings(kind: str, parameters: tuple[Parameter, ...]) -> Visible:
    """What a list of parameters declares."""
    return {p.name: NameMeaning(p.name, kind, p.name_span, p) for p in parameters}


def _declared(body: tuple[Statement, ...]) -> Visible:
    """What the statements of a body declare; the first of two equal names counts."""
    found: Visible = {}
    for statement in body:
        for name, kind, span, tree in _names_of(statement):
            found.setdefault(name, NameMeaning(name, kind, span, tree))
    return found


def _names_of(statement: Statement) -> Iterator[tuple[str, str, Span, Tree]]:
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


def _sizes(type: Tree | None) -> Iterator[tuple[str, Span]]:
    """The names of sizes and of whole types in a type."""
    match type:
        case NameType(name=name, span=span) if name not in TYPE_WORDS:
            yield name, span
        case Name(name=name, span=span):
            yield name, span
        case Rest(name=name, span=span):
            yield name, Span(source=span.source, start=span.end - len(name), end=span.end)
        case Tree():
            for part in _parts(type):
                yield from _sizes(part)


def _parts(tree: Tree) -> Iterator[Tree]:
    """The nodes below a node, in the order of its fields."""
    for field in fields(tree):
        value = getattr(tree, field.name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Tree):
                yield one
