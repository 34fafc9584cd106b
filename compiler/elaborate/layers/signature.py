"""Arguments against a signature: settings, then inputs, whose types bind names.

`arguments` says which argument belongs to which parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.sequences import differing
from gradc_compiler.elaborate.layers.argument_hints import Given, channels_left_out, hint_for_input
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import (
    LayerLike,
    ParameterGroup,
    Record,
    Sizes,
    StaticValue,
    is_number,
)
from gradc_compiler.elaborate.types.fixits import names_in
from gradc_compiler.elaborate.types.ranges import has_range, require_in_range
from gradc_compiler.elaborate.types.show_types import describe, type_of
from gradc_compiler.elaborate.types.sizes import check_size, written_type
from gradc_compiler.elaborate.types.time_hints import along_time
from gradc_compiler.elaborate.types.unify import Mismatch, element_times, match_sizes, unify
from gradc_compiler.graph.graph import Value
from gradc_compiler.syntax.grammar.tree import (
    Definition,
    NameType,
    Parameter,
    Shape,
    TupleType,
    TypeExpr,
)


def argument_span(
    parameters: Sequence[Parameter], parameter: Parameter, call: Span, scope: Scope
) -> Span:
    """Where the argument of a parameter stands; the whole call where it is not written."""
    spans = scope.run.argument_spans.get(call, {})
    return spans.get(parameter.name) or spans.get(parameters.index(parameter)) or call


def match_settings(
    definition: Definition, bound: dict[str, StaticValue], inner: Scope, span: Span, scope: Scope
) -> None:
    """Settings into the definition's scope, defaults filled in, each as its type wants it."""
    for parameter in definition.settings:
        meaning = _given_or_default(parameter, bound, inner)
        place = argument_span(definition.settings, parameter, span, scope)
        _check_setting(definition, parameter, meaning, inner, place, scope)
        inner.names[parameter.name] = meaning


def _given_or_default(
    parameter: Parameter, bound: Mapping[str, StaticValue], inner: Scope
) -> StaticValue:
    if parameter.name in bound:
        return bound[parameter.name]
    assert parameter.default is not None, "a missing argument was reported before"
    return inner.evaluate(parameter.default)


def _check_setting(
    definition: Definition,
    parameter: Parameter,
    meaning: StaticValue,
    inner: Scope,
    span: Span,
    scope: Scope,
) -> None:
    wanted = _wanted_setting(parameter, meaning, inner, span, scope)
    require_in_range(definition, parameter, meaning, span, scope)
    if not wanted:
        return
    hint = None
    if isinstance(parameter.type, Shape) and is_number(meaning):
        written = "x".join([str(meaning)] * len(parameter.type.sizes))
        hint = channels_left_out(definition, meaning, span)
        hint = hint or f"write {written}{along_time(span, scope)}"
    if isinstance(parameter.type, Shape) and isinstance(meaning, Value):
        name = f"{definition.name}({parameter.name})"
        hint = f"a type of a setting is one of sizes; without it a tensor may be given: `{name}`"
    message = f"`{parameter.name}` of `{definition.name}` is {wanted}, got {describe(meaning)}"
    declared = [(parameter.span, "declared here")]
    raise scope.fault("E0302", message, span, secondary=declared, hint=hint)


def _wanted_setting(
    parameter: Parameter, meaning: StaticValue, inner: Scope, span: Span, scope: Scope
) -> str:
    """Bind the names of a setting's type; if the setting does not fit, say what is wanted."""
    match parameter.type:
        case NameType(name="size"):
            check_size(meaning, span, scope)
        case NameType(name="number") if not is_number(meaning):
            return "a number"
        case NameType(name="layer") if not isinstance(meaning, LayerLike):
            return "a layer"
        case Shape(sizes=sizes):
            return _match_sizes_setting(sizes, meaning, inner, span, scope)
    return ""


def _match_sizes_setting(
    sizes: tuple[StaticValue, ...], meaning: StaticValue, inner: Scope, span: Span, scope: Scope
) -> str:
    """`kernel : [kh, kw]` takes 5x5 and binds kh and kw; if it does not fit, say what does."""
    wanted = f"{len(sizes)} sizes such as {'x'.join('3' * len(sizes))}"
    if not isinstance(meaning, tuple):
        return wanted
    try:
        match_sizes(sizes, tuple(check_size(m, span, scope) for m in meaning), inner)
    except Mismatch:
        return wanted
    return ""


def match_inputs(
    definition: Definition,
    bound: dict[str, StaticValue],
    inner: Scope,
    span: Span,
    scope: Scope,
    *,
    direct: bool,
) -> None:
    """Inputs into the definition's scope, their types matched, which binds names."""
    given: list[Given] = []
    for parameter in definition.inputs:
        meaning = _given_or_default(parameter, bound, inner)
        place = argument_span(definition.inputs, parameter, span, scope) if direct else span
        if has_range(parameter):
            require_in_range(definition, parameter, meaning, place, scope)
        elif parameter.type is not None:
            meaning = _matched(definition, Given(parameter, meaning, place), given, inner, scope)
        given.append(Given(parameter, meaning, place))
        inner.names[parameter.name] = meaning
    for one in given:
        inner.elements |= element_times(one.parameter.type, type_of(one.meaning))


def _matched(
    definition: Definition, new: Given, before: Sequence[Given], inner: Scope, scope: Scope
) -> StaticValue:
    """The input, once its type has been matched and the names in the type are bound."""
    parameter, meaning = new.parameter, new.meaning
    assert parameter.type is not None, "called for typed inputs"
    if isinstance(meaning, Sizes | ParameterGroup):
        meaning = to_value(meaning, scope, new.span)
    type = type_of(meaning)
    because = ""
    if type is not None:
        try:
            unify(parameter.type, type, inner)
            return _with_names(meaning, parameter.type)
        except Mismatch as mismatch:
            if mismatch.times:
                raise differing(mismatch.times, new.span, scope) from None
            because = f": {mismatch}" if str(mismatch) else ""
    wanted = written_type(parameter.type, inner)
    raise scope.fault(
        "E0302",
        f"`{definition.name}` takes {parameter.name} : {wanted}, got {describe(meaning)}{because}",
        new.span,
        f"given {describe(meaning)}",
        secondary=[*_sources(new, before), (parameter.span, "declared here")],
        hint=hint_for_input(definition, new, type, inner),
    )


def _sources(new: Given, before: Sequence[Given]) -> Iterator[tuple[Span, str]]:
    """The earlier inputs that have bound the names in this input's type."""
    shared = names_in(new.parameter.type).keys()
    for one in before:
        if one.span != new.span and shared & names_in(one.parameter.type).keys():
            yield one.span, f"this is {describe(one.meaning)}"


def _with_names(meaning: StaticValue, type: TypeExpr) -> StaticValue:
    """A tuple with the names that the type gives its parts."""
    if isinstance(type, TupleType) and isinstance(meaning, tuple):
        return Record.of(tuple(meaning), tuple(part.name for part in type.fields))
    return meaning
