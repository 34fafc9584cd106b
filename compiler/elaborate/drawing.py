"""First values and noise: what stands behind `~` and `=`.

An initializer's body sees `shape`, `fan_in` and `fan_out` of what it draws.  The initial value of a
parameter is a graph of its own, that the runtime evaluates once.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from compiler.elaborate.arithmetic import to_value
from compiler.elaborate.limits import LimitedBuilder
from compiler.elaborate.parameters import fit
from compiler.elaborate.problems import Fault, Silenced, require_sound
from compiler.elaborate.registry import Declared, PersistentSpec
from compiler.elaborate.scope import Drawing, Scope
from compiler.elaborate.values import Builtin, Defined, Layer, Meaning, Sizes, describe
from compiler.graph.graph import Graph, Value
from compiler.graph.types import TensorType
from compiler.ops.base import TypeFault
from compiler.syntax.tree import Expr


def fans(shape: tuple[int, ...]) -> dict[str, Meaning]:
    """`shape`, `fan_in` and `fan_out`: what feeds one unit, and what one input feeds."""
    size = prod(shape)
    ways = (size // max(shape[0], 1), size // max(shape[-1], 1)) if len(shape) > 1 else (size, size)
    return {"shape": Sizes(shape), "fan_in": ways[0], "fan_out": ways[1]}


def draw_from(expression: Expr, drawing: Drawing, scope: Scope) -> Value:
    """A tensor of the drawing's shape from an initializer or a distribution."""
    run = scope.run
    outer, run.drawing = run.drawing, drawing
    try:
        inner = replace(scope, names={**fans(drawing.shape), **scope.names})
        meaning = inner.evaluate(expression)
        if isinstance(meaning, Builtin):
            filled = [Sizes(drawing.shape)] if meaning.name in ("zeros", "ones") else []
            meaning = inner.call(meaning, filled, expression.span)
        elif is_initializer(meaning):
            meaning = inner.call(meaning, [], expression.span)
    finally:
        run.drawing = outer
    require_sound(meaning)
    if not isinstance(meaning, Value):
        raise scope.fault(
            "E0306",
            f"expected an initializer, got {describe(meaning)}",
            expression.span,
            hint="`~` draws; `=` sets a value",
        )
    return fit(meaning, TensorType(drawing.shape), expression.span, scope)


def is_initializer(meaning: Meaning) -> bool:
    """Whether it is an initializer, with or without its settings."""
    match meaning:
        case Defined(definition=definition) | Layer(defined=Defined(definition=definition)):
            return definition.kind == "initializer"
        case _:
            return False


def initial_spec(declared: Declared) -> PersistentSpec | None:
    """The persistent with the graph of its first value; None after an error."""
    run = replace(
        declared.scope.run,
        builder=LimitedBuilder(span=declared.place),
        read={},
        updates={},
        drawing=None,
    )
    scope = replace(declared.scope, run=run)
    expression = declared.expression
    try:
        if declared.drawn:
            value = draw_from(expression, Drawing(declared.name, declared.type.shape), scope)
        else:
            meaning = scope.evaluate(expression)
            value = to_value(meaning, scope, expression.span)
            value = fit(value, declared.type, expression.span, scope, declared.span)
    except TypeFault as fault:
        scope.report(scope.fault("E0303", str(fault), expression.span))
        return None
    except (Fault, Silenced) as error:
        if isinstance(error, Fault):
            scope.report(error)
        return None
    return PersistentSpec(
        name=declared.name,
        type=declared.type,
        role=declared.role,
        initial=Graph(tuple(run.builder.nodes), {"value": value.id}),
        initial_text=f"{'~' if declared.drawn else '='} {expression.span.text}",
        span=declared.place,
    )
