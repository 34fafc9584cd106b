"""From gradients to updates: clipping, schedules, and an optimizer's body for each parameter.

An update rule is elaborated into the same graph as the gradient, once a parameter, with `p` and `g`
bound to the parameter and its gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compiler.elaborate.arithmetic import to_value
from compiler.elaborate.body import run_body
from compiler.elaborate.calls import call
from compiler.elaborate.library import prelude
from compiler.elaborate.problems import require_sound
from compiler.elaborate.scope import Path, Run, Scope, StateRule
from compiler.elaborate.settings import Rules, is_schedule
from compiler.elaborate.values import Layer, Meaning
from compiler.graph.graph import Value
from compiler.graph.types import TensorType
from compiler.ops.shape import sum_axes
from compiler.source import Span


def update(gradients: Mapping[str, Value], rules: Rules, prefix: str, scope: Scope) -> None:
    """Add each parameter's update, and the optimizer's states', to the run."""
    optimizer, span = rules.optimizer, rules.span
    assert optimizer is not None and span is not None, "a step without optimizer was reported"
    scope.run.builder.span = span
    settings = _scheduled(optimizer.settings, span, scope)
    for name, g in clipped(gradients, rules, span, scope).items():
        _update_one(name, g, optimizer, settings, prefix, scope, span)


def clipped(
    gradients: Mapping[str, Value], rules: Rules, span: Span, scope: Scope
) -> dict[str, Value]:
    """Gradients as `clip(norm = c)` and `clip(value = c)` leave them: functions of the prelude."""
    result = dict(gradients)
    if rules.clip_norm is not None:
        length = _length(list(result.values()))
        for name, g in result.items():
            result[name] = _clip("clip_norm", [g, length, rules.clip_norm], span, scope)
    if rules.clip_value is not None:
        for name, g in result.items():
            result[name] = _clip("clip_value", [g, rules.clip_value], span, scope)
    return result


def _length(gradients: list[Value]) -> Value:
    """The length of all gradients as one vector."""
    squares = [sum_axes(g * g, range(len(g.shape))) for g in gradients]
    total = sum(squares[1:], start=squares[0])
    return total.apply("sqrt", total)


def _clip(name: str, arguments: list[Meaning], span: Span, scope: Scope) -> Value:
    result = call(prelude().find(name), arguments, {}, span, scope)
    require_sound(result)
    return to_value(result, scope, span)


def update_count(run: Run) -> Value:
    """How many updates were made before this one, as a number."""
    step = run.counters()[1]
    return step * 1.0


def _scheduled(settings: Mapping[str, Meaning], span: Span, scope: Scope) -> dict[str, Meaning]:
    """Settings with every schedule applied to the count of updates; so are those within it."""
    result = {}
    for name, meaning in settings.items():
        if is_schedule(meaning):
            if isinstance(meaning, Layer):
                meaning = replace(meaning, settings=_scheduled(meaning.settings, span, scope))
            meaning = call(meaning, [update_count(scope.run)], {}, span, scope)
            require_sound(meaning)
        result[name] = meaning
    return result


def _update_one(
    name: str,
    g: Value,
    optimizer: Layer,
    settings: Mapping[str, Meaning],
    prefix: str,
    scope: Scope,
    span: Span,
) -> None:
    run, definition = scope.run, optimizer.defined.definition
    type = run.registry.declared[name].type
    p_name, g_name = (p.name for p in definition.inputs[:2])
    rule = StateRule(f"{prefix}{definition.name}", name, TensorType(type.shape))
    inner = Scope(
        run,
        optimizer.defined.unit,
        Path(None, definition.name),
        {**settings, p_name: run.persistent(name, type), g_name: g},
        optimizer.chain,
        span if optimizer.defined.unit.is_prelude else None,
        1,
        {},
        {p_name: name},
        rule,
    )
    run_body(definition.body, inner)
    if name not in run.updates and f"{p_name}'" not in inner.names:
        raise scope.fault(
            "E0603",
            f"the optimizer `{definition.name}` does not set {p_name}'",
            span,
            secondary=[(definition.name_span, "defined here")],
        )
