"""First values and noise: the right side of `~` and `=`.

An initializer's body sees `shape`, `fan_in` and `fan_out` of what it draws.  The initial value of a
parameter is a graph of its own, that the runtime evaluates once.  A draw is keyed by the name of
what it draws, so that neither the order of layers nor the number of threads changes a result.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from zlib import crc32

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.names.problems import ErrorAlreadyReported, SpecError, require_sound
from gradc_compiler.elaborate.names.registry import Declared, PersistentSpec
from gradc_compiler.elaborate.names.scope import Sampling, Scope
from gradc_compiler.elaborate.names.spec_limits import LimitedBuilder
from gradc_compiler.elaborate.names.values import (
    Builtin,
    Defined,
    Layer,
    Sizes,
    StaticValue,
    is_number,
)
from gradc_compiler.elaborate.parameters.parameters import fit
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.graph.types import TensorType, Time
from gradc_compiler.ops.random import Random
from gradc_compiler.syntax.grammar.tree import Expr


def fans(shape: tuple[int, ...]) -> dict[str, StaticValue]:
    """`shape`, `fan_in` and `fan_out`: what feeds one unit, and what one input feeds."""
    size = prod(shape)
    ways = (size // max(shape[0], 1), size // max(shape[-1], 1)) if len(shape) > 1 else (size, size)
    return {"shape": Sizes(shape), "fan_in": ways[0], "fan_out": ways[1]}


def draw_from(expression: Expr, drawing: Sampling, scope: Scope) -> Value:
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


def is_initializer(meaning: StaticValue) -> bool:
    """Whether it is an initializer, with or without its settings."""
    match meaning:
        case Defined(definition=definition) | Layer(defined=Defined(definition=definition)):
            return definition.kind == "initializer"
        case _:
            return False


def initial_spec(declared: Declared[Scope]) -> PersistentSpec | None:
    """The persistent with the graph of its first value; None after an error."""
    run = replace(declared.scope.run.apart(LimitedBuilder(span=declared.place)), drawing=None)
    scope = replace(declared.scope, run=run)
    try:
        value = _first_value(declared, scope)
        _require_alone(declared, scope)
    except TypeFault as fault:
        scope.report(scope.fault("E0303", str(fault), declared.expression.span))
        return None
    except (SpecError, ErrorAlreadyReported) as error:
        if isinstance(error, SpecError):
            scope.report(error)
        return None
    return PersistentSpec(
        name=declared.name,
        type=declared.type,
        role=declared.role,
        initial=run.builder.graph({"value": value.id}),
        span=declared.place,
        declared=declared,
    )


def _require_alone(declared: Declared[Scope], scope: Scope) -> None:
    """E0306 where a first value reads another number that persists, as a layer's parameter."""
    known = scope.run.registry.declared
    for other in (known[name] for name in scope.run.read if name in known):
        raise scope.fault(
            "E0306",
            f"a first value is made before there are parameters, this one reads `{other.name}`",
            declared.expression.span,
            secondary=[(other.place, "declared here")],
        )


def _nothing_drawn(word: str, scope: Scope, span: Span) -> SpecError:
    message, hint = f"`{word}` says how something is drawn", f"noise w : [2] ~ {word}(0, 1)"
    return scope.fault("E0207", message, span, "nothing is drawn here", hint=hint)


def _first_value(declared: Declared[Scope], scope: Scope) -> Value:
    """What a persistent begins with: drawn, or computed."""
    expression = declared.expression
    if declared.drawn:
        return draw_from(expression, Sampling(declared.name, declared.type.shape), scope)
    value = to_value(scope.evaluate(expression), scope, expression.span)
    return fit(value, declared.type, expression.span, scope, declared.span)


def draw(
    normal: bool,
    first: StaticValue,
    second: StaticValue,
    scope: Scope,
    span: Span,
    number: int | None = None,
) -> Value:
    """The distribution `normal(mean, std)` or `uniform(low, high)` where something is drawn.

    A derived program passes the `number` that keys the draw, so as to draw the original's numbers.
    """
    drawing = scope.run.drawing
    if drawing is None:
        raise _nothing_drawn("normal" if normal else "uniform", scope, span)
    z = _standard_draw(normal, drawing, number, scope)
    if is_number(first) and is_number(second):
        _require_range(normal, first, second, scope, span)
        scale, shift = (second, first) if normal else (second - first, first)
        z = z if scale == 1 else z * float(scale)
        return z if shift == 0 else z + float(shift)
    names = ("mean", "std") if normal else ("low", "high")
    places = (scope.argument(span, name) for name in names)
    a, b = (to_value(x, scope, at) for x, at in zip((first, second), places, strict=True))
    return fit(a + z * b if normal else a + z * (b - a), TensorType(drawing.shape), span, scope)


def _standard_draw(normal: bool, drawing: Sampling, number: int | None, scope: Scope) -> Value:
    """A draw of normal(0, 1) or uniform(0, 1), which the other ones are made of."""
    key = drawing.next_key().encode()
    node = crc32(key) & 0x7FFFFFFF if number is None else number
    op = Random(node, drawing.shape, normal, drawing.shared, drawing.time)
    return scope.run.builder.add(op, *scope.run.counters())


def _require_range(normal: bool, first: float, second: float, scope: Scope, span: Span) -> None:
    """E0403 where a deviation is below 0, or a range ends before it begins."""
    if normal and second < 0:
        place = scope.argument(span, "std")
        raise scope.fault("E0403", f"a standard deviation is 0 or more, this is {second}", place)
    if not normal and second < first:
        place = scope.argument(span, "high")
        raise scope.fault("E0403", f"uniform goes from {first} up, not to {second}", place)


def noise_drawing(name: str, type: TensorType, scope: Scope) -> Sampling:
    """What a noise statement draws: every occurrence in a graph has a key of its own."""
    key = f"{scope.path.display()}.{name}~"
    count = scope.run.occurrences[key]
    scope.run.occurrences[key] += 1
    time = _time_of_draw(type, scope)
    return Sampling(key if count == 0 else f"{key}{count}", type.shape, shared=False, time=time)


def _time_of_draw(type: TensorType, scope: Scope) -> Time | None:
    """Noise is drawn for every element, of its own type's sequence or of that which the body sees
    one element of.
    """
    if type.time is not None or not scope.elements:
        return type.time
    if len(scope.elements) > 1:
        assert scope.run.builder.span is not None, "a statement has a span"
        raise scope.fault(
            "E0312",
            "this body is about elements of two sequences: it is not clear for which to draw",
            scope.run.builder.span,
            hint="write the length: noise e : seq(xs) [3] ~ ...",
        )
    return next(iter(scope.elements))
