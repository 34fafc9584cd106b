"""`grad(e, x)`: a derivative as part of a spec."""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import ParameterGroup, StaticValue
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.loop_order import open_loops
from gradc_compiler.graph.types import Kind
from gradc_compiler.transform.active_path import crosses_time
from gradc_compiler.transform.differentiate import differentiate


def grad(scope: Scope, span: Span, of: StaticValue, by: StaticValue) -> StaticValue:
    """The derivative of a scalar, in the shape of x; a tuple for a tuple of them.

    If the scalar is the same for all examples, its derivative by a parameter is one tensor; if it
    is a number of this example, so is the derivative: see Note [Examples and the mean] in
    `differentiate`.
    Faults: E0502 where `of` is no scalar, or has no derivative by one of `by`.
    """
    y = _scalar(of, scope, span)
    several = isinstance(by, tuple)
    xs = [_source(scope, span, y, meaning) for meaning in (by if several else (by,))]
    builder = scope.run.builder
    if y.type.time is None and open_loops(builder.graph({}), y.id):
        raise scope.fault(
            "E0502",
            "this depends on a recurrence that is not closed yet",
            span,
            hint="take its derivative after the line `h' = ...`, or in a cell that `scan` applies",
        )
    found = differentiate(builder, y, xs, mean=not builder.is_varying(y))
    return tuple(found) if several else found[0]


def _scalar(of: StaticValue, scope: Scope, span: Span) -> Value:
    """`of` as one number, of an example or of the element that this body sees; else E0502."""
    y = to_value(of, scope, span)
    if y.shape or y.type.time not in {None, *scope.elements}:
        raise scope.fault(
            "E0502",
            f"grad takes the derivative of a scalar, this is {y.type}",
            span,
            hint=f"{'sum' if y.shape else 'time_sum'}(...) makes a scalar of it",
        )
    return y


def _source(scope: Scope, span: Span, y: Value, by: StaticValue) -> Value:
    """What the derivative of y is taken by."""
    x = real_source(scope, span, by)
    if y.type.time is not None and x.type.time is None:
        raise scope.fault(
            "E0502",
            "this body sees one element of a sequence, and what all elements share has no "
            "derivative of its own for each",
            scope.argument(span, "by"),
            hint="take the derivative of a sum over the sequence: grad(time_sum(...), x)",
        )
    if y.type.time is not None:
        require_own_element(scope, span, y, x)
    return x


def require_own_element(scope: Scope, span: Span, y: Value, x: Value) -> None:
    """E0502 where an element of y depends on other elements of x, in a body that sees one."""
    if crosses_time(scope.run.builder, y, x):
        raise scope.fault(
            "E0502",
            "this body sees one element of a sequence, and here one depends on other elements of "
            "what it is differentiated by",
            span,
            hint="declare the inputs as sequences, xs : seq [n], and take grad(time_sum(...), xs)",
        )


def real_source(scope: Scope, span: Span, by: StaticValue) -> Value:
    """What a derivative is taken by; E0502 where that is no number that moves."""
    require_sound(by)
    x = to_value(by, scope, span) if isinstance(by, Value | ParameterGroup) else None
    if x is None or x.type.kind is Kind.INDEX:
        raise scope.fault(
            "E0502",
            f"there is no derivative by {describe(by)}",
            scope.argument(span, "by"),
            hint="there is one by an input, by a parameter, and by a value made of them",
        )
    return x
