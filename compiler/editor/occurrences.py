"""Every name in a file, and the declaration that it stands for.

A walk over the tree with the names that are visible where it stands: of the file, of a definition
(settings, inputs, the sizes in their types, everything its body names), of a step.  What is not
found there is looked for in imports, the prelude and the functions of the language.  Nothing is
elaborated, so this works on a spec with any errors but those of syntax.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.editor.declared_names import (
    TYPE_WORDS,
    NameMeaning,
    Visible,
    declared_in,
    meanings,
    parts_of,
    sizes_of,
)
from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.names.library import SourceModule
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import (
    Argument,
    Attribute,
    Call,
    ContractExpr,
    Data,
    Definition,
    Derivative,
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
    Step,
    Train,
    Tree,
)

BUILT_IN = "built-in"


@dataclass(frozen=True)
class Occurrence:
    """A name as it stands in the text."""

    span: Span
    declared: NameMeaning | None  # None where it stands for nothing that is known

    @property
    def declares(self) -> bool:
        """Whether it is the declaration itself."""
        return self.declared is not None and self.declared.span == self.span


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
            case Derivative(name=name, name_span=span):
                yield Occurrence(span, self.global_(name))
                yield from self.children(tree, self.of_derivative(tree))
            case Import(names=names):
                for one in names or ():
                    yield Occurrence(one.span, self.global_(one.name))
            case Data():
                yield from self.data(tree)
            case Let(name=name, name_span=span, value=value):
                yield Occurrence(span, self.global_(name))
                yield from self.node(value, {})
            case Train(data=data, body=body):
                yield Occurrence(data.span, self.global_(data.name))
                source_of = self.unit.data.get(data.name)
                visible = dict(self.fields_of(source_of)) if source_of else {}
                yield from self.statements(body, visible | declared_in(body))

    def data(self, tree: Data) -> Iterator[Occurrence]:
        """The names of a data declaration: its own, those of its fields, and in its source."""
        yield Occurrence(tree.name_span, self.global_(tree.name))
        for field in tree.fields:
            yield Occurrence(field.name_span, self.fields_of(tree)[field.name])
            yield from self.children(field, {})
        yield from self.children(tree.source, {})

    def statements(self, body: tuple[Statement, ...], visible: Visible) -> Iterator[Occurrence]:
        """The names of a body."""
        for statement in body:
            yield from self.node(statement, visible)

    def children(self, tree: Tree, visible: Visible) -> Iterator[Occurrence]:
        """The names in the parts of a node."""
        for part in parts_of(tree):
            yield from self.node(part, visible)

    def node(self, tree: Tree, visible: Visible) -> Iterator[Occurrence]:
        """The names in a node, with what is visible there."""
        match tree:
            case ContractExpr():
                yield from self.children(tree, visible | self.indices(tree, visible))
            case Step(name=name, name_span=span, body=body):
                yield Occurrence(span, visible.get(f"step {name}"))
                yield from self.statements(body, visible | declared_in(body))
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
        for name, span in (one for place in places for one in sizes_of(place)):
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
                for name, span in reversed([*sizes_of(parameter.type)])
                if name not in lets
            }
            settings, inputs = meanings("setting", tree.settings), meanings("input", tree.inputs)
            self.of_bodies[id(tree)] = sizes | declared_in(tree.body) | settings | inputs
        return self.of_bodies[id(tree)]

    def of_derivative(self, tree: Derivative) -> Visible:
        """What the body of a derivative sees: its inputs, and the settings of its function."""
        of = self.unit.definitions.get(tree.name)
        settings = meanings("setting", of.definition.settings) if of else {}
        own = meanings("input", (*tree.inputs, *tree.tangents))
        return settings | declared_in(tree.body) | own

    def fields_of(self, data: Data) -> Visible:
        """The fields of a data declaration; once."""
        if id(data) not in self.of_bodies:
            self.of_bodies[id(data)] = meanings("field", data.fields)
        return self.of_bodies[id(data)]
