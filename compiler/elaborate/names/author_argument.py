"""From a place in a definition of the prelude to the author's argument that it speaks of.

`max_pool(2x2, pad = -2)` fails two functions further down, at `at_least(0, rows, ...)`.  The author
is shown his own `pad = -2`: the name `rows` was set from `zeros`, which was given `pad`, which is
the argument.  While a body is elaborated only the calls by which it was entered are remembered; the
rest of the way back is found in the text of the bodies when an error is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import Argument, Assign, Definition, Name, Parameter, Tree

ArgumentSpans = Mapping[Span, Mapping[str | int, Span]]
"""Of each call: where its arguments stand, by name or by place."""


@dataclass(frozen=True, slots=True, eq=False)
class Entered:
    """How a body of the prelude was entered: by the calls that give settings and inputs (None: by
    a chain, whose value is no argument), from another body of the prelude or from the author's text
    (None).
    """

    definition: Definition
    settings: Span
    inputs: Span | None
    outer: Entered | None

    def lists(self) -> Iterator[tuple[Sequence[Parameter], Span]]:
        """The parameters that an argument may belong to, with the call that has it."""
        yield self.definition.settings, self.settings
        if self.inputs is not None:
            yield self.definition.inputs, self.inputs


def author_argument(place: Span, body: Entered, spans: ArgumentSpans) -> Span | None:
    """The one argument of the author's that an argument in a body comes from, if it is one."""
    found = _of_argument(place, body, spans)
    return found.pop() if len(found) == 1 else None


def _of_argument(place: Span, body: Entered, spans: ArgumentSpans) -> set[Span]:
    """The author's arguments from which an argument in a body is computed."""
    written = _below(body.definition)
    same = (t for t in written if isinstance(t, Argument) and t.span == place)
    argument = next(same, None)
    return set() if argument is None else _of_tree(argument, body, spans, frozenset())


def _of_tree(tree: Tree, body: Entered, spans: ArgumentSpans, seen: frozenset[str]) -> set[Span]:
    names = {t.name for t in _below(tree) if isinstance(t, Name)} - seen
    return {span for name in names for span in _of_name(name, body, spans, seen | names)}


def _of_name(name: str, body: Entered, spans: ArgumentSpans, seen: frozenset[str]) -> set[Span]:
    """The author's arguments from which a parameter, or a name set in the body, is computed."""
    for parameters, call in body.lists():
        given = spans.get(call, {})
        for number, parameter in enumerate(parameters):
            if not _binds(parameter, name, body.definition):
                continue
            place = given.get(parameter.name) or given.get(number)
            if place is None:
                default = parameter.default
                return set() if default is None else _of_tree(default, body, spans, seen)
            return {place} if body.outer is None else _of_argument(place, body.outer, spans)
    for statement in body.definition.body:
        if isinstance(statement, Assign) and any(t.name == name for t in statement.targets):
            return _of_tree(statement.value, body, spans, seen)
    return set()


def _binds(parameter: Parameter, name: str, definition: Definition) -> bool:
    """Whether a parameter gives a name its meaning, as `kernel : [kh, kw]` does three."""
    if parameter.name == name:
        return True
    if parameter.type is None or parameter not in definition.settings:
        return False
    return any(isinstance(t, Name) and t.name == name for t in _below(parameter.type))


def _below(tree: Tree) -> Iterator[Tree]:
    """A tree and all that stands below it, in the order of the text."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed([*children(node)])
