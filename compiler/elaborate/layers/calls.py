"""Applying what can be applied: layers, compositions, functions of the language.

A definition's body is elaborated afresh for every application, in a scope that sees its settings,
its inputs and the names its types bind; the layer value it belongs to keeps its parameters' path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.layers.arguments import bind_arguments, bind_builtin
from gradc_compiler.elaborate.layers.body import run_body
from gradc_compiler.elaborate.layers.check_result import check_result
from gradc_compiler.elaborate.layers.checkpoints import computed_again
from gradc_compiler.elaborate.layers.clone_layers import copy_layer
from gradc_compiler.elaborate.layers.known_results import known_result
from gradc_compiler.elaborate.layers.layer_values import bare_layer, with_settings
from gradc_compiler.elaborate.layers.own_derivative import is_ruled, with_own_derivative
from gradc_compiler.elaborate.layers.recurrent_cells import apply_recurrent
from gradc_compiler.elaborate.layers.signature import match_inputs
from gradc_compiler.elaborate.layers.vmap import apply_to_each
from gradc_compiler.elaborate.names.author_argument import Entered
from gradc_compiler.elaborate.names.paths import LayerNames, layer_path
from gradc_compiler.elaborate.names.problems import LimitExceeded, SpecError, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.spec_limits import ALL_APPLICATIONS, APPLICATIONS, DEPTH
from gradc_compiler.elaborate.names.values import (
    Builtin,
    Checkpointed,
    Composition,
    Compound,
    Defined,
    Each,
    Layer,
    ParameterGroup,
    Partial,
    Recurrent,
    Repeated,
    Sizes,
    StaticValue,
)
from gradc_compiler.elaborate.parameters.parameter_groups import group_path
from gradc_compiler.elaborate.parameters.sampling import fans
from gradc_compiler.elaborate.types.show_types import describe, type_of
from gradc_compiler.elaborate.types.unify import element_times
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.provenance import Application
from gradc_compiler.syntax.grammar.tree import Definition

Named = Mapping[str, StaticValue]
ONE_LIST = ("optimizer", "schedule", "regularizer", "layer", "cell", "function", "model")


def call(
    function: StaticValue, arguments: Sequence[StaticValue], named: Named, span: Span, scope: Scope
) -> StaticValue:
    """`function(arguments)`: settings where it still needs them, else its inputs."""
    require_sound(function, *arguments, *named.values())
    _count(span, scope)
    match function:
        case Builtin():
            return function.rule(
                scope, span, *bind_builtin(function, arguments, named, span, scope)
            )
        case Defined(definition=definition) if _takes_settings(definition, arguments, named):
            return with_settings(function, arguments, named, span, scope)
        case Defined():
            layer = bare_layer(function, span, scope)
            return apply_layer(layer, arguments, named, span, scope)
        case Layer():
            return apply_layer(function, arguments, named, span, scope)
        case Partial(function=inner, arguments=rest, named=more):
            return call(inner, [*arguments, *rest], {**more, **named}, span, scope)
        case Compound() if not named:
            return _apply_compound(function, arguments, span, scope)
    raise _not_applied(function, span, scope)


def _not_applied(function: StaticValue, span: Span, scope: Scope) -> SpecError:
    """E0306: this value cannot be applied."""
    hint = "a layer, a model or a function can"
    if isinstance(function, Value):
        hint = "x[0] is a part of a tensor; a layer, a model or a function can be applied"
    return scope.fault("E0306", f"{describe(function)} cannot be applied", span, hint=hint)


def _count(span: Span, scope: Scope) -> None:
    """Count an application: a limit on these bounds even layers that do nothing."""
    run = scope.run
    run.applications += 1
    run.problems.applications += 1
    if run.applications > APPLICATIONS or run.problems.applications > ALL_APPLICATIONS:
        message = f"this network applies more than {APPLICATIONS:,} layers and functions"
        fault = scope.fault("E0411", message, span, hint="repeat fewer layers")
        raise LimitExceeded(fault.diagnostic)


def _takes_settings(definition: Definition, arguments: Sequence[StaticValue], named: Named) -> bool:
    """Whether these arguments are the first of its two lists."""
    if not definition.settings or definition.kind == "initializer":
        return definition.kind == "initializer" and bool(
            definition.settings and (arguments or named)
        )
    complete = all(p.default is not None for p in definition.settings)
    inputs = len(arguments) == len(definition.inputs) and not named
    return not (complete and inputs and any(isinstance(a, Value) for a in arguments))


def _apply_compound(
    function: Compound,
    arguments: Sequence[StaticValue],
    span: Span,
    scope: Scope,
) -> StaticValue:
    scope = _inside_named(function, span, scope)
    match function:
        case Composition(stages=stages, spans=spans):
            return _through(zip(stages, spans, strict=True), arguments, scope)
        case Repeated():
            return _through(_copies(function, span, scope.path.names), arguments, scope)
        case Each(layer=layer):
            return apply_to_each(layer, arguments, span, scope)
        case Checkpointed():
            return computed_again(function, arguments, span, scope)
        case Recurrent():
            given = arguments[0] if len(arguments) == 1 else tuple(arguments)
            return apply_recurrent(function, given, span, scope)


def _copies(
    function: Repeated, span: Span, names: LayerNames
) -> Iterator[tuple[StaticValue, Span]]:
    """The copies of a repeated layer, each made when it is first needed."""
    for number in range(function.count):
        if number == len(function.copies):
            function.copies.append(copy_layer(function.layer, number, names))
        yield function.copies[number], span


def _through(
    stages: Iterable[tuple[StaticValue, Span]], arguments: Sequence[StaticValue], scope: Scope
) -> StaticValue:
    values = list(arguments)
    for stage, span in stages:
        if scope.site is None:
            scope.run.builder.span = span
        values = [scope.call(stage, values, span)]
    return values[0] if len(values) == 1 else tuple(values)


def _inside_named(function: Compound, span: Span, scope: Scope) -> Scope:
    """A composition that was given a name holds its layers under it."""
    if not isinstance(function, Composition | Repeated) or function.name is None:
        return scope
    path = layer_path(function, function.name, span, scope.path)
    return replace(scope, path=path, state_rule=None, caller=None)


def _plain(layer: Layer, arguments: Sequence[StaticValue], scope: Scope) -> StaticValue:
    return apply_layer(layer, arguments, {}, layer.span, scope, plain=True)


def apply_layer(
    layer: Layer, arguments: Sequence[StaticValue], named: Named, span: Span, scope: Scope,
    *, plain: bool = False,
) -> StaticValue:  # fmt: skip
    """A definition's body for its settings and these inputs; `plain` without the derivative that
    stands beside it.
    """
    definition = layer.defined.definition
    arguments = _spread(definition, arguments)
    if definition.kind == "regularizer" and isinstance(
        arguments[0] if arguments else None, ParameterGroup | Defined | Layer
    ):
        return _regularize(layer, arguments[0], span, scope)
    inner, bound = _entered(layer, arguments, named, span, scope)
    since = len(scope.run.builder.nodes)
    body = partial(_result_of, definition, inner)
    if plain or not is_ruled(layer):
        result = known_result(layer, bound, inner, body)
    else:
        result = with_own_derivative(layer, inner, body, scope, _plain)
    if inner.site is not None and scope.site is None:
        scope.run.note_use(definition.name, span, since, bound.values(), result)
    return result


def _entered(
    layer: Layer, arguments: Sequence[StaticValue], named: Named, span: Span, scope: Scope
) -> tuple[Scope, dict[str, StaticValue]]:
    """The scope of a body that knows its inputs, and what was given for them."""
    definition = layer.defined.definition
    direct = not definition.settings or layer.span != span  # not `x |> f(settings)`
    inner = _enter(layer, span, scope, direct=direct)
    bound = bind_arguments(definition, definition.inputs, arguments, named, span, scope)
    match_inputs(definition, bound, inner, span, scope, direct=direct)
    if layer.defined.is_model and all(type_of(v) is not None for v in bound.values()):
        scope.run.applied.setdefault(definition.name, tuple(type_of(v) for v in bound.values()))
    return inner, bound


def _result_of(definition: Definition, inner: Scope) -> StaticValue:
    """The value of a body.  Nodes and errors of a prelude body are shown at the author's call."""
    run = inner.run
    before, doubtful = run.builder.span, run.doubtful
    if inner.site is not None:
        run.builder.span = inner.site
    try:
        with _one_block(definition.name, inner):
            return check_result(definition, run_body(definition.body, inner), inner)
    finally:
        run.builder.span, run.doubtful = before, doubtful


def _spread(definition: Definition, arguments: Sequence[StaticValue]) -> Sequence[StaticValue]:
    """`(a, b) |> f` is `f(a, b)`."""
    if len(arguments) == 1 and len(definition.inputs) > 1:
        only = arguments[0]
        if isinstance(only, tuple) and not isinstance(only, Sizes):
            return only
    return arguments


def _enter(layer: Layer, span: Span, scope: Scope, *, direct: bool) -> Scope:
    """The scope of a body; E0412 where definitions nest without end."""
    definition, run = layer.defined.definition, scope.run
    _require_shallow(layer, span, scope)
    path = (
        run.registry.names.root(definition.name)
        if layer.defined.is_model
        else layer_path(layer, definition.name, span, scope.path)
    )
    site = (scope.site or span) if layer.defined.unit.is_prelude else None
    names, chain = _names_of(layer, span, scope), (*layer.chain, definition)
    inner = Scope(run, layer.defined.unit, path, names, chain, site, scope.depth + 1)
    tensors = tuple(filter(None, map(type_of, layer.settings.values())))
    inner.elements = scope.elements | element_times(None, tensors)
    if site is not None:
        inner.entered = Entered(definition, layer.span, span if direct else None, scope.entered)
    if site is None and not layer.defined.is_model and scope.chain:
        inner.caller = span
    return inner


def _names_of(layer: Layer, span: Span, scope: Scope) -> dict[str, StaticValue]:
    """What a body sees from its first line on: settings, and fans where something is drawn."""
    definition, drawing = layer.defined.definition, scope.run.drawing
    if definition.kind != "initializer":
        return dict(layer.settings)
    if drawing is None:
        message = f"the initializer `{definition.name}` stands behind `~`"
        raise scope.fault("E0207", message, span)
    return {**layer.settings, **fans(drawing.shape)}


def _require_shallow(layer: Layer, span: Span, scope: Scope) -> None:
    """E0412 for a layer within itself, or too far down."""
    definition = layer.defined.definition
    if definition in layer.chain:
        message, hint = f"`{definition.name}` uses itself", "repeat(n, layer) repeats a layer"
        here = [(definition.name_span, "defined here")]
        raise scope.fault("E0412", message, span, secondary=here, hint=hint)
    if scope.depth >= DEPTH:
        raise scope.fault("E0412", f"layers are nested deeper than {DEPTH}", span)


def _regularize(layer: Layer, over: StaticValue, span: Span, scope: Scope) -> StaticValue:
    """The regularizer summed over every parameter of a model or a path."""
    path = group_path(over)
    found = scope.run.registry.below(path) if path is not None else []
    if not found:
        raise scope.absent(path, scope.fault("E0604", f"{describe(over)} has no parameters", span))
    total: StaticValue = None
    with _one_block(layer.defined.definition.name, scope):
        for declared in found:
            p = scope.run.persistent(declared.name, declared.type)
            term = apply_layer(layer, [p], {}, span, scope)
            total = term if total is None else total + term
    return total


@contextmanager
def _one_block(name: str, scope: Scope) -> Iterator[None]:
    """What is added meanwhile is one block to a reader."""
    builder = scope.run.builder
    before, builder.block = builder.block, Application(name, builder.block)
    try:
        yield
    finally:
        builder.block = before
