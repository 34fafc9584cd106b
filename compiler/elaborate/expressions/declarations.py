"""Declarations of a file: doubled and reserved names, data sources."""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.diagnostics.source import CompileError, Source, Span
from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.expressions.context import ElaborationContext
from gradc_compiler.elaborate.expressions.derivative_heads import check_derivative
from gradc_compiler.elaborate.expressions.unknown_names import WORDS
from gradc_compiler.elaborate.names.library import SourceModule
from gradc_compiler.elaborate.names.problems import (
    ErrorAlreadyReported,
    SpecError,
    diagnose,
    require_sound,
)
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Sizes, StaticText, StaticValue, is_number
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.elaborate.types.sizes import resolve_named
from gradc_compiler.graph.types import TensorType
from gradc_compiler.program.program import DataSource
from gradc_compiler.syntax.grammar.tree import (
    Call,
    Data,
    Definition,
    Derivative,
    Expr,
    Let,
    Name,
    Parameter,
    Train,
)
from gradc_compiler.syntax.parse.parse import parse

RESERVED = {*BUILTINS, *WORDS, "training", "clip"}


def check_names(unit: SourceModule, session: ElaborationContext) -> None:
    """E0202 for a name that a file declares twice, E0203 for one of the language's own."""
    seen: dict[str, Span] = {}
    for declaration in unit.declarations:
        if isinstance(declaration, Definition | Data | Let):
            _check_name(declaration, seen, session)
        if isinstance(declaration, Definition | Data):
            _check_signature(declaration, session)
        if isinstance(declaration, Derivative):
            check_derivative(declaration, unit, seen, session.problems)
    _check_trains(unit.trains, session)


def _check_name(
    declaration: Definition | Data | Let, seen: dict[str, Span], session: ElaborationContext
) -> None:
    """The name is new among those `seen`, and free."""
    name, span = declaration.name, declaration.name_span
    if name in RESERVED and not isinstance(declaration, Data):
        message, hint = f"`{name}` is a name of the language", f"call it my_{name}"
        session.problems.add(diagnose("E0203", message, span, hint=hint))
    key = f"data {name}" if isinstance(declaration, Data) else name
    _check_first(key, span, f"`{name}` is defined twice", seen, session)


def _check_first(
    key: str, span: Span, message: str, seen: dict[str, Span], session: ElaborationContext
) -> None:
    """E0202 where a name has been seen; from now on it is."""
    if key in seen:
        places = [(seen[key], "first here")]
        again = diagnose("E0202", message, span, label="again here", secondary=places)
        session.problems.add(again)
    seen.setdefault(key, span)


def _check_trains(trains: Sequence[Train], session: ElaborationContext) -> None:
    """E0602 for every train block but the first."""
    for extra in trains[1:]:
        session.problems.add(
            diagnose(
                "E0602",
                "a file has one train block",
                extra.data.span,
                label="a second one",
                secondary=[(trains[0].data.span, "the first")],
                hint="give it several steps",
            )
        )


def _check_signature(declaration: Definition | Data, session: ElaborationContext) -> None:
    """E0202 where two settings, inputs or fields have one name."""
    seen: dict[str, Span] = {}
    if isinstance(declaration, Data):
        taken, called = declaration.fields, "fields"
    else:
        taken, called = (*declaration.settings, *declaration.inputs), "parameters"
    for parameter in taken:
        message = f"`{declaration.name}` has two {called} called `{parameter.name}`"
        _check_first(parameter.name, parameter.name_span, message, seen, session)


Fields = tuple[tuple[str, TensorType, Span], ...]


def data_fields(data: Data, session: ElaborationContext) -> Fields | None:
    """Each field's type; None after an error."""
    scope = session.scope(session.run(), data.name)
    result, sound = [], True
    for field in data.fields:
        try:
            result.append((field.name, _field_type(field, scope), field.name_span))
        except (SpecError, ErrorAlreadyReported) as error:
            sound = False
            if isinstance(error, SpecError):
                session.problems.add(error.diagnostic)
    return tuple(result) if _check_lengths(result, session) and sound else None


def _field_type(field: Parameter, scope: Scope) -> TensorType:
    """The type that is written; E0607 where none is, or more than one tensor."""
    if field.type is None:
        message, hint = f"the field `{field.name}` needs a type", f"{field.name} : scalar"
        raise scope.fault("E0607", message, field.span, hint=hint)
    type = resolve_named(field.name, field.type, scope)
    if not isinstance(type, TensorType):
        raise scope.fault("E0607", "a field is one tensor or label", field.type.span)
    return type


def _check_lengths(
    fields: Sequence[tuple[str, TensorType, Span]], session: ElaborationContext
) -> bool:
    """Whether no named length has the name of a field; E0310 for each one that has."""
    lengths, sound = {name: type.time for name, type, _ in fields}, True
    for name, type, span in fields:
        if lengths.get(str(type.time), type.time) != type.time:
            sound = False
            session.problems.add(
                diagnose(
                    "E0310",
                    f"the length of `{name}` is called `{type.time}`, which is a field",
                    span,
                    secondary=[(s, "this field") for n, _, s in fields if n == type.time],
                    hint="give the length a name of its own, or that of a sequence",
                )
            )
    return sound


def data_source(
    data: Data, fields: Fields, used: bool, session: ElaborationContext
) -> DataSource | None:
    """The source of a data declaration, or the one that the command line names instead."""
    scope = session.scope(session.run(), data.name)
    try:
        source = _overridden(data, session, scope) if used else data.source
        function, arguments, keywords = _source_call(source, scope)
        given = session.overrides.get("data") if used else None
        place = str(source.span) if given is None else ""
        if given is not None and source is data.source:
            arguments = (str(given), *arguments[1:])
    except (SpecError, ErrorAlreadyReported) as error:
        if isinstance(error, SpecError):
            session.problems.add(error.diagnostic)
        return None
    return DataSource(
        name=data.name,
        fields=tuple((n, t) for n, t, _ in fields),
        function=function,
        arguments=arguments,
        keywords=keywords,
        directory=str(session.directory),
        place=place,
    )


def _overridden(data: Data, session: ElaborationContext, scope: Scope) -> Expr:
    """The source from the command line; a mere path there is given to the declared source."""
    text = session.overrides.get("data")
    if text is None or ("(" not in str(text) and _reads_a_file(data.source, scope)):
        return data.source
    try:
        declared = parse(Source("data", f"data {data.name}(x : scalar) = {text}")).declarations
    except CompileError:
        raise scope.fault(
            "E0607", f"`{text}` is not a data source", data.source.span, "in place of this"
        ) from None
    assert isinstance(declared[0], Data), "the text begins with `data`"
    return declared[0].source


def _reads_a_file(source: Expr, scope: Scope) -> bool:
    """Whether a source's first argument is a text, such as a path."""
    _, arguments, _ = _source_call(source, scope)
    return bool(arguments) and isinstance(arguments[0], str)


def _source_call(
    source: Expr, scope: Scope
) -> tuple[str, tuple[StaticValue, ...], dict[str, StaticValue]]:
    if not isinstance(source, Call) or not isinstance(source.function, Name):
        raise scope.fault("E0607", 'data comes from a call such as csv("houses.csv")', source.span)
    arguments, keywords = [], {}
    for argument in source.arguments:
        value = _plain(scope.evaluate(argument.value), argument.value.span, scope)
        if argument.name is None:
            arguments.append(value)
        else:
            keywords[argument.name] = value
    return source.function.name, tuple(arguments), keywords


def _plain(meaning: StaticValue, span: Span, scope: Scope) -> StaticValue:
    """A meaning as plain Python: a text, a number, or a tuple of these."""
    require_sound(meaning)
    match meaning:
        case StaticText(value=value):
            return value
        case Sizes() | tuple():
            return tuple(_plain(part, span, scope) for part in meaning)
    if is_number(meaning):
        return meaning
    raise scope.fault(
        "E0607", f"a data source takes texts and numbers, not {describe(meaning)}", span
    )
