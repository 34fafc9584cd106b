"""`x |> f : [3] |> g`: chains, and the claims checked on their way.

With a value on the left a stage is applied to it; with a layer, the two are composed.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.layers.calls import ONE_LIST, call
from gradc_compiler.elaborate.layers.layer_values import bare_layer
from gradc_compiler.elaborate.layers.notes import take_note
from gradc_compiler.elaborate.names.paths import made_at
from gradc_compiler.elaborate.names.problems import SpecError, require_sound
from gradc_compiler.elaborate.names.scope import Scope, check_parts
from gradc_compiler.elaborate.names.values import (
    Builtin,
    Composition,
    Defined,
    LayerLike,
    Partial,
    StaticValue,
)
from gradc_compiler.elaborate.types.fixits import repair_claim
from gradc_compiler.elaborate.types.show_types import describe, show_type, type_of
from gradc_compiler.elaborate.types.sizes import Type, known_shape, written_type
from gradc_compiler.elaborate.types.unify import Mismatch, match_inside
from gradc_compiler.syntax.grammar.tree import Call, Claim, Expr, Pipe


def call_arguments(
    tree: Call, scope: Scope, first: int = 0
) -> tuple[list[StaticValue], dict[str, StaticValue]]:
    positional, named = [], {}
    spans = scope.run.argument_spans[tree.span] = {}
    for place, argument in enumerate(tree.arguments, start=first):
        meaning = scope.evaluate(argument.value)
        spans[place if argument.name is None else argument.name] = argument.span
        if argument.name is None:
            positional.append(meaning)
        else:
            named[argument.name] = meaning
    return positional, named


def piped(tree: Pipe, scope: Scope) -> StaticValue:
    left = scope.evaluate(tree.left)
    since = len(scope.run.read)
    right = _stage(tree.right, scope)
    require_sound(left, right)
    if not isinstance(right, LayerLike):
        raise scope.fault(
            "E0306",
            f"{describe(right)} cannot stand in a chain",
            tree.right.span,
            hint="a layer, a model or a function can",
        )
    if isinstance(right, Defined) and not isinstance(tree.right, Call):
        require_settings(right, tree.right.span, scope)
    if isinstance(left, LayerLike):
        return _composed(left, right, tree, scope)
    if scope.site is None:
        scope.run.builder.span = tree.right.span
    result = call(right, [left], {}, tree.right.span, scope)
    take_note(tree.right.span, since, result, scope)
    return result


def require_settings(function: Defined, span: Span, scope: Scope) -> None:
    """E0305 where a layer stands in a chain without the settings it needs."""
    definition = function.definition
    missing = [p.name for p in definition.settings if p.default is None]
    if missing:
        raise scope.fault(
            "E0305",
            f"`{definition.name}` needs {' and '.join(f'`{m}`' for m in missing)}",
            span,
            secondary=[(definition.name_span, "defined here")],
            hint=f"write `{definition.name}(...)`, with what it needs in brackets",
        )


def _composed(left: StaticValue, right: StaticValue, tree: Pipe, scope: Scope) -> Composition:
    """`f |> g`; a chain of three is one composition of three stages."""
    check_parts((left, right), tree.span, scope)
    last = _fixed(right, tree.right, scope)
    made = made_at(tree.span, scope.path)
    if isinstance(left, Composition) and left.name is None:
        return Composition((*left.stages, last), (*left.spans, tree.right.span), made)
    first = _fixed(left, tree.left, scope)
    return Composition((first, last), (tree.left.span, tree.right.span), made)


def _fixed(stage: StaticValue, tree: Expr, scope: Scope) -> StaticValue:
    """In a composition a bare definition becomes one layer, so that it keeps its parameters."""
    if isinstance(stage, Defined) and not stage.is_model:
        return bare_layer(stage, tree.span, scope)
    return stage


def _stage(tree: Expr, scope: Scope) -> StaticValue:
    """The right side of `|>`: a call there may leave its first input to the chain."""
    if not isinstance(tree, Call):
        return scope.evaluate(tree)
    function = scope.evaluate(tree.function)
    if (isinstance(function, Builtin) and not function.makes_layer) or _has_one_list(function):
        arguments, named = call_arguments(tree, scope, first=1)
        require_sound(*arguments, *named.values())
        return Partial(function, tuple(arguments), named)
    return scope.evaluate(tree)


def _has_one_list(function: StaticValue) -> bool:
    return (
        isinstance(function, Defined)
        and not function.definition.settings
        and function.definition.kind in ONE_LIST
        and len(function.definition.inputs) > 1
    )


def claimed(tree: Claim, scope: Scope) -> StaticValue:
    meaning = scope.evaluate(tree.value)
    require_sound(meaning)
    type = type_of(meaning)
    if type is None:
        raise scope.fault(
            "E0306", f"a claim is about a value; this is {describe(meaning)}", tree.type.span
        )
    try:
        match_inside(tree.type, type, scope)
    except Mismatch as mismatch:
        scope.report(_contradicted(tree, type, mismatch, scope))
        scope.run.doubtful = True
    return meaning


def _contradicted(tree: Claim, type: Type, mismatch: Mismatch, scope: Scope) -> SpecError:
    """E0301: the chain gives another type than is claimed; with both ways to mend that."""
    because = f" ({mismatch})" if str(mismatch) else ""
    value = tree.value.right if isinstance(tree.value, Pipe) else tree.value
    source, other = repair_claim(tree.value, tree.type, known_shape(tree.type, scope), type)
    return scope.fault(
        "E0301",
        f"this claims {written_type(tree.type, scope)}, but the chain gives "
        f"{show_type(type)} here{because}",
        tree.type.span,
        "claimed here",
        secondary=[(value.span, f"this gives {show_type(type)}"), *source],
        hint=f"write `: {show_type(type)}`{other}",
    )
