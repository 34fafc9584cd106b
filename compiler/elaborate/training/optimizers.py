"""From gradients to updates: clipping, schedules, and an optimizer's body for each parameter.

An update rule is elaborated into the same graph as the gradient, once a parameter, with `p` and `g`
bound to the parameter and its gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.layers.body import run_body
from gradc_compiler.elaborate.layers.calls import call
from gradc_compiler.elaborate.models.settings import Rules
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope, StateRule
from gradc_compiler.elaborate.names.values import Layer, StaticValue
from gradc_compiler.elaborate.parameters.first_update import require_first_update
from gradc_compiler.elaborate.training.schedules import first_of, scheduled
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.reduce import Max
from gradc_compiler.ops.shape import sum_axes

CORNER = 4  # elements along each axis of a parameter on which a rule is tried


def update(gradients: Mapping[str, Value], rules: Rules, prefix: str, scope: Scope) -> None:
    """Add each parameter's update, and the optimizer's states', to the run."""
    optimizer, span = rules.optimizer, rules.span
    assert optimizer is not None and span is not None, "a step without optimizer was reported"
    scope.run.builder.span = span
    settings = scheduled(optimizer, prefix, span, scope)
    _try_first(list(gradients), optimizer, prefix, span, scope)
    for name, g in clipped(gradients, rules, span, scope).items():
        _update_one(name, g, optimizer, settings, prefix, scope, span)


def _try_first(names: list[str], optimizer: Layer, prefix: str, span: Span, scope: Scope) -> None:
    """Refuse numbers with which no parameter can be moved, tried on a corner of the smallest."""
    declared = min((scope.run.registry.declared[n] for n in names), key=lambda d: d.type.size)
    corner = TensorType(tuple(min(n, CORNER) for n in declared.type.shape))
    declared = replace(declared, type=corner)
    settings = first_of(optimizer.settings, prefix, scope)

    def update_alone(tried: Mapping[str, StaticValue], inner: Scope) -> None:
        g = inner.run.builder.constant(1.0, declared.type.shape)
        _update_one(declared.name, g, optimizer, tried, prefix, inner, span)

    require_first_update(optimizer, settings, update_alone, declared, span, scope)


def clipped(
    gradients: Mapping[str, Value], rules: Rules, span: Span, scope: Scope
) -> dict[str, Value]:
    """Gradients as `clip(norm = c)` and `clip(value = c)` leave them: functions of the prelude."""
    result = dict(gradients)
    if rules.clip_norm is not None:
        shrink, length = _length(list(result.values()))
        for name, g in result.items():
            result[name] = _clip("clip_norm", [g, shrink, length, rules.clip_norm], span, scope)
    if rules.clip_value is not None:
        for name, g in result.items():
            result[name] = _clip("clip_value", [g, rules.clip_value], span, scope)
    return result


def _length(gradients: list[Value]) -> tuple[Value, Value]:
    """A factor that, multiplied in twice, brings every element of all gradients to at most 1; and
    the length, after that, of all gradients as one vector: so no square overflows.
    """
    greatest = reduce(lambda a, b: a.apply("maximum", a, b), map(_magnitude, gradients))
    scale = greatest.apply("where", greatest.apply("eq", greatest, 0.0), 1.0, greatest)
    shrink = 1.0 / scale.apply("sqrt", scale)
    parts = [g * shrink * shrink for g in gradients]
    squares = [sum_axes(u * u, range(len(u.shape))) for u in parts]
    total = sum(squares[1:], start=squares[0])
    return shrink, total.apply("sqrt", total)


def _magnitude(g: Value) -> Value:
    """The greatest magnitude of a tensor's elements."""
    size = g.apply("abs", g)
    return g.builder.add(Max(tuple(range(len(g.shape)))), size) if g.shape else size


def _clip(name: str, arguments: list[StaticValue], span: Span, scope: Scope) -> Value:
    result = call(prelude().find(name), arguments, {}, span, scope)
    require_sound(result)
    return to_value(result, scope, span)


def _update_one(
    name: str,
    g: Value,
    optimizer: Layer,
    settings: Mapping[str, StaticValue],
    prefix: str,
    scope: Scope,
    span: Span,
) -> None:
    run, definition = scope.run, optimizer.defined.definition
    type = run.registry.declared[name].type
    p_name, g_name = (p.name for p in definition.inputs[:2])
    names = {**settings, p_name: run.persistent(name, type), g_name: g}
    rule = StateRule(f"{prefix}{definition.name}", name, TensorType(type.shape))
    inner = _body_scope(optimizer, names, rule, p_name, scope, span)
    run_body(definition.body, inner)
    if name not in run.updates and f"{p_name}'" not in inner.names:
        message = f"the optimizer `{definition.name}` does not set {p_name}'"
        here = [(definition.name_span, "defined here")]
        raise scope.fault("E0603", message, span, secondary=here)


def _body_scope(
    optimizer: Layer,
    names: dict[str, StaticValue],
    rule: StateRule,
    p_name: str,
    scope: Scope,
    span: Span,
) -> Scope:
    """Where an optimizer's body is read for one parameter, which it calls `p_name`."""
    run, unit = scope.run, optimizer.defined.unit
    path = run.registry.names.root(optimizer.defined.definition.name)
    site = span if unit.is_prelude else None
    parameters = {p_name: rule.parameter}
    return Scope(run, unit, path, names, optimizer.chain, site, 1, {}, parameters, rule)
