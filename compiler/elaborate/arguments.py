"""Arguments to parameters: by place, by name, by default; then their types, which bind names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.elaborate.arithmetic import to_value
from compiler.elaborate.problems import did_you_mean
from compiler.elaborate.scope import Scope
from compiler.elaborate.sizes import Mismatch, check_size, match, match_sizes, written_type
from compiler.elaborate.values import (
    Builtin,
    Group,
    LayerLike,
    Meaning,
    Sizes,
    describe,
    is_number,
    type_of,
)
from compiler.graph.types import Kind, TensorType
from compiler.source import Span
from compiler.syntax.tree import Definition, NameType, Parameter, Shape

Named = Mapping[str, Meaning]


def bind_arguments(
    definition: Definition,
    parameters: Sequence[Parameter],
    arguments: Sequence[Meaning],
    named: Named,
    span: Span,
    scope: Scope,
) -> dict[str, Meaning]:
    """Each given parameter's meaning, in order of the list; E0305 where they do not fit."""
    names = [p.name for p in parameters]
    signature = f"{definition.name}({', '.join(names)})"
    here = [(definition.name_span, "defined here")]
    if len(arguments) > len(names):
        raise scope.fault(
            "E0305", f"`{signature}` takes {len(names)}, got {len(arguments)}", span, secondary=here
        )
    bound = dict(zip(names, arguments, strict=False))
    for name, meaning in named.items():
        place = scope.run.argument_spans.get(span, {}).get(name, span)
        if name not in names or name in bound:
            problem = "is given twice" if name in bound else "is not one of its parameters"
            raise scope.fault(
                "E0305",
                f"`{name}` {problem}: {signature}",
                place,
                secondary=here,
                hint=did_you_mean(name, names),
            )
        bound[name] = meaning
    missing = [p.name for p in parameters if p.name not in bound and p.default is None]
    if missing:
        raise scope.fault(
            "E0305",
            f"`{signature}` needs {' and '.join(f'`{m}`' for m in missing)}",
            span,
            secondary=here,
        )
    return {name: bound[name] for name in names if name in bound}


def bind_builtin(
    function: Builtin, arguments: Sequence[Meaning], named: Named, span: Span, scope: Scope
) -> list[Meaning]:
    """Arguments of a function of the language in its order; None where one is left out."""
    names = function.parameters
    signature = f"{function.name}({', '.join(names)}{', ...' if function.variadic else ''})"
    if function.variadic:
        unknown = [n for n in named if n not in names]
        bound: dict[str, Meaning] = {names[0]: tuple(arguments), **named}
        too_many = not arguments
    else:
        bound = {**dict(zip(names, arguments, strict=False)), **named}
        unknown = [n for n in named if n not in names or n in names[: len(arguments)]]
        too_many = len(arguments) > len(names)
    missing = any(n not in bound for n in names[: function.required])
    if unknown or too_many or missing:
        hint = did_you_mean(unknown[0], names) if unknown else None
        raise scope.fault("E0305", f"these arguments do not fit {signature}", span, hint=hint)
    return [bound.get(name) for name in names]


def argument_span(
    parameters: Sequence[Parameter], parameter: Parameter, call: Span, scope: Scope
) -> Span:
    """Where the argument of a parameter stands; the whole call where it is not written."""
    spans = scope.run.argument_spans.get(call, {})
    return spans.get(parameter.name) or spans.get(parameters.index(parameter)) or call


def match_settings(
    definition: Definition, bound: dict[str, Meaning], inner: Scope, span: Span, scope: Scope
) -> None:
    """Settings into the definition's scope, defaults filled in, each as its type wants it."""
    for parameter in definition.settings:
        if parameter.name in bound:
            meaning = bound[parameter.name]
        else:
            assert parameter.default is not None, "a missing setting was reported before"
            meaning = inner.evaluate(parameter.default)
        place = argument_span(definition.settings, parameter, span, scope)
        _check_setting(definition, parameter, meaning, inner, place, scope)
        inner.names[parameter.name] = meaning


def _check_setting(
    definition: Definition,
    parameter: Parameter,
    meaning: Meaning,
    inner: Scope,
    span: Span,
    scope: Scope,
) -> None:
    wanted = ""
    match parameter.type:
        case NameType(name="size"):
            check_size(meaning, span, scope)
        case NameType(name="number") if not is_number(meaning):
            wanted = "a number"
        case NameType(name="layer") if not isinstance(meaning, LayerLike):
            wanted = "a layer"
        case Shape(sizes=sizes):
            wanted = _match_sizes_setting(sizes, meaning, inner, span, scope)
    if wanted:
        raise scope.fault(
            "E0302",
            f"`{parameter.name}` of `{definition.name}` is {wanted}, got {describe(meaning)}",
            span,
            secondary=[(parameter.span, "declared here")],
        )


def _match_sizes_setting(
    sizes: tuple[Meaning, ...], meaning: Meaning, inner: Scope, span: Span, scope: Scope
) -> str:
    """`kernel : [kh, kw]` takes 5x5 and binds kh and kw; what it wants, where it does not fit."""
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
    bound: dict[str, Meaning],
    inner: Scope,
    span: Span,
    scope: Scope,
    *,
    direct: bool,
) -> None:
    """Inputs into the definition's scope, their types matched, which binds names."""
    for parameter in definition.inputs:
        if parameter.name in bound:
            meaning = bound[parameter.name]
        else:
            assert parameter.default is not None, "a missing input was reported before"
            meaning = inner.evaluate(parameter.default)
        if parameter.type is not None:
            place = argument_span(definition.inputs, parameter, span, scope) if direct else span
            meaning = _matched(definition, parameter, meaning, inner, place, scope)
        inner.names[parameter.name] = meaning


def _matched(
    definition: Definition,
    parameter: Parameter,
    meaning: Meaning,
    inner: Scope,
    span: Span,
    scope: Scope,
) -> Meaning:
    assert parameter.type is not None, "called for typed inputs"
    if isinstance(meaning, Sizes | Group):
        meaning = to_value(meaning, scope, span)
    type = type_of(meaning)
    because = ""
    if type is not None:
        try:
            match(parameter.type, type, inner)
            return meaning
        except Mismatch as mismatch:
            because = f": {mismatch}" if str(mismatch) else ""
    wanted = written_type(parameter.type, inner)
    raise scope.fault(
        "E0302",
        f"`{definition.name}` takes {parameter.name} : {wanted}, got {describe(meaning)}{because}",
        span,
        f"given {describe(meaning)}",
        secondary=[(parameter.span, "declared here")],
        hint=_hint(parameter, type),
    )


def _hint(parameter: Parameter, type: object) -> str | None:
    """How to make one common type into another."""
    if not isinstance(parameter.type, Shape) or not isinstance(type, TensorType):
        return None
    if type.kind is Kind.INDEX:
        return "one_hot(label, k) makes a vector of a label"
    if len(parameter.type.sizes) == 1 and type.rank > 1:
        return "`|> flatten` makes one axis of all; each(...) maps over the first"
    if len(parameter.type.sizes) == 1 and type.rank == 0:
        return "`|> as([1])` makes a vector of a number"
    return None
