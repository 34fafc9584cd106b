"""Statements of a body, one after another; an error in one leaves the others to be checked."""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.elaborate.functions.sequences import of_types
from gradc_compiler.elaborate.layers.notes import take_note
from gradc_compiler.elaborate.names.problems import ErrorAlreadyReported, SpecError, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import (
    POISON,
    Composition,
    Defined,
    Layer,
    Recurrent,
    Repeated,
    StaticValue,
)
from gradc_compiler.elaborate.parameters.parameters import (
    declare_param,
    declare_state,
    own,
    update_state,
)
from gradc_compiler.elaborate.parameters.recurrence import check_closed, close_named, note_name
from gradc_compiler.elaborate.parameters.sampling import draw_from, noise_drawing
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.elaborate.types.sizes import resolve
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.graph.types import TensorType
from gradc_compiler.syntax.grammar.tree import (
    Assign,
    Name,
    Noise,
    Param,
    ResultStmt,
    Statement,
    States,
    Update,
)


def run_body(body: tuple[Statement, ...], scope: Scope) -> StaticValue | None:
    """Elaborate the statements; the meaning of the last one if it is a bare expression."""
    result, doubtful = None, scope.run.doubtful
    for statement in body:
        scope.run.doubtful = doubtful  # each statement has its own claims
        if isinstance(statement, ResultStmt):
            result = scope.evaluate(statement.value)
        else:
            run_statement(statement, scope)
    check_closed(scope)
    return result


def run_statement(statement: Statement, scope: Scope) -> None:
    """One statement that is not a result; after an error its names are poisoned."""
    builder = scope.run.builder
    before, since = builder.span, len(scope.run.read)
    if scope.site is None:
        builder.span = statement.span
    try:
        _run(statement, scope)
        names = [scope.names.get(name) for name in declared_names(statement)]
        take_note(statement.span, since, names[0] if len(names) == 1 else tuple(names), scope)
    except (SpecError, ErrorAlreadyReported, TypeFault) as error:
        if isinstance(error, TypeFault):
            error = of_types(error, statement.span, scope)
        if isinstance(error, SpecError):
            scope.report(error)
        for name in declared_names(statement):
            scope.names.setdefault(name, POISON)
    finally:
        builder.span = before


def declared_names(statement: Statement) -> list[str]:
    """The names a statement makes known."""
    match statement:
        case Param(name=name) | Noise(name=name):
            return [name]
        case States(entries=entries):
            return [entry.name for entry in entries]
        case Assign(targets=targets):
            return [target.name for target in targets]
        case Update(target=target):
            return [f"{target.name}'"]
        case _:
            return []


def _run(statement: Statement, scope: Scope) -> None:
    match statement:
        case Param():
            declare_param(statement, scope)
        case States(entries=entries):
            for entry in entries:
                declare_state(entry, scope)
        case Noise():
            _draw_noise(statement, scope)
        case Assign():
            _assign(statement, scope)
        case Update(target=target) if target.name in scope.loops:
            close_named(statement, scope)
        case Update(target=target):
            require_sound(scope.names.get(target.name))
            update_state(statement, scope)
        case _:
            word = statement.span.text.split(maxsplit=1)[0]
            raise scope.fault("E0605", f"`{word}` belongs in a train block", statement.span)


def _draw_noise(tree: Noise, scope: Scope) -> None:
    own(tree.name, tree.name_span, scope)
    type = resolve(tree.type, scope)
    if not isinstance(type, TensorType):
        raise scope.fault("E0306", "noise is one tensor", tree.type.span)
    drawing = noise_drawing(tree.name, type, scope)
    value = draw_from(tree.distribution, drawing, scope)
    scope.names[tree.name] = _named(value, tree.name, 0)


def _assign(tree: Assign, scope: Scope) -> None:
    count = len(scope.run.builder.nodes)
    meaning = scope.evaluate(tree.value)
    names = [target.name for target in tree.targets]
    if len(names) == 1:
        known = isinstance(tree.value, Name) and tree.value.name in scope.names
        scope.names[names[0]] = _named(meaning, names[0], count, fresh=not known)
        note_name(names[0], meaning, scope)
        return
    for name in names:
        scope.names[name] = POISON
    require_sound(meaning)
    if not isinstance(meaning, tuple) or len(meaning) != len(names):
        parts = f"{len(meaning)} values" if isinstance(meaning, tuple) else describe(meaning)
        raise scope.fault(
            "E0305",
            f"{len(names)} names are given values, this is {parts}",
            tree.value.span,
            secondary=[(tree.targets[-1].span, "the last name")],
        )
    for name, part in zip(names, meaning, strict=True):
        scope.names[name] = _named(part, name, count)
        note_name(name, part, scope)


def _named(meaning: StaticValue, name: str, since: int, fresh: bool = True) -> StaticValue:
    """Let a value or a layer made in this statement carry its name."""
    match meaning:
        case Value(builder=builder, id=id) if id >= since and builder.nodes[id].name is None:
            builder.nodes[id] = replace(builder.nodes[id], name=name)
        case Layer() | Composition() | Repeated() if fresh and meaning.name is None:
            meaning.name = name
        case Defined() if meaning.plain is not None and fresh and meaning.name is None:
            meaning.name = name
        case Recurrent(cell=cell) if fresh and cell.name is None:
            cell.name = name
    return meaning
