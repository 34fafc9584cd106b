"""From gradients to updates: clipping, schedules, and an optimizer's body for each parameter.

An update rule is elaborated into the same graph as the gradient, once a parameter, with `p` and `g`
bound to the parameter and its gradient.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.elaborate.body import run_body
from compiler.elaborate.calls import call
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
    for name, g in clipped(gradients, rules).items():
        _update_one(name, g, optimizer, settings, prefix, scope, span)


def clipped(gradients: Mapping[str, Value], rules: Rules) -> dict[str, Value]:
    """Gradients no longer than `clip(norm = c)` together, no element beyond `clip(value = c)`."""
    result = dict(gradients)
    if rules.clip_norm is not None:
        squares = [sum_axes(g * g, range(len(g.shape))) for g in result.values()]
        total = squares[0]
        for square in squares[1:]:
            total = total + square
        norm = total.apply("sqrt", total)
        scale = norm.apply(
            "minimum", rules.clip_norm / norm.apply("maximum", norm, rules.clip_norm), 1.0
        )
        result = {name: g * scale for name, g in result.items()}
    if rules.clip_value is not None:
        c = rules.clip_value
        result = {n: g.apply("maximum", g.apply("minimum", g, c), -c) for n, g in result.items()}
    return result


def update_count(run: Run) -> Value:
    """How many updates were made before this one, as a number."""
    step = run.counters()[1]
    return step * 1.0


def _scheduled(settings: Mapping[str, Meaning], span: Span, scope: Scope) -> dict[str, Meaning]:
    """Settings with every schedule applied to the count of updates."""
    result = {}
    for name, meaning in settings.items():
        if is_schedule(meaning):
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
