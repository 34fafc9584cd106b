"""`jvp(e, x, v)`, `hvp(e, x, v)`, `jacobian(e, x)` and `hessian(e, x)`: how a value moves with
another, as part of a spec.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.grad_expr import grad, real_source, require_own_element
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Record, Sizes, StaticValue
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.loop_order import open_loops
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.transform.jacobian import jacobian as all_derivatives
from gradc_compiler.transform.leading_axis import NotMapped
from gradc_compiler.transform.push_forward import as_moves, push_forward


def jvp(
    scope: Scope, span: Span, of: StaticValue, by: StaticValue, along: StaticValue
) -> StaticValue:
    """The derivative of a value by x along v, in the value's shape: (de/dx) v.  A tuple of values
    gives a tuple; x and v may be tuples of equally many.

    Faults: E0502 where there is no derivative by x, or v is not of x's type.
    """
    require_sound(of)
    parts = of if isinstance(of, tuple) and not isinstance(of, Sizes) else (of,)
    ys = [to_value(part, scope, scope.argument(span, "of")) for part in parts]
    xs, dxs = _moves(scope, span, by, along)
    _require_closed(scope, span, ys, xs)
    found = tuple(push_forward(scope.run.builder, ys, xs, dxs))
    if isinstance(of, Record):
        return Record.of(found, of.names)
    return found if parts is of else found[0]


def hvp(
    scope: Scope, span: Span, of: StaticValue, by: StaticValue, along: StaticValue
) -> StaticValue:
    """The second derivative of a scalar by x along v, in the shape of x: forward over reverse.

    The gradient moves as `jvp` says: Pearlmutter, "Fast exact multiplication by the Hessian", 1994.
    Faults: as `grad` and `jvp`.
    """
    slopes = grad(scope, span, of, by)
    return jvp(scope, span, slopes, by, along)


def _moves(
    scope: Scope, span: Span, by: StaticValue, along: StaticValue
) -> tuple[list[Value], list[Value]]:
    """What moves, and along what."""
    require_sound(by, along)
    place = scope.argument(span, "along")
    several = isinstance(by, tuple)
    directions = along if several and isinstance(along, tuple) else (along,)
    sources = by if several else (by,)
    if len(directions) != len(sources):
        message = f"there are {len(sources)} values to move, and {len(directions)} directions"
        raise scope.fault("E0502", message, place)
    xs = [real_source(scope, span, meaning) for meaning in sources]
    pairs = zip(xs, directions, strict=True)
    return xs, [_direction(scope, place, x, to_value(v, scope, place)) for x, v in pairs]


def _direction(scope: Scope, place: Span, x: Value, v: Value) -> Value:
    """A direction in the type of what moves; E0502 where it has another."""
    if v.shape != x.shape or v.type.time not in {None, x.type.time} or v.type.classes is not None:
        raise scope.fault(
            "E0502",
            f"a direction has the type of what moves along it: that is {x.type}, this {v.type}",
            place,
            hint="ones(shape(x)) is a direction for a tensor, 1 for a scalar",
        )
    return as_moves(x, v)


def _require_closed(scope: Scope, span: Span, ys: Sequence[Value], xs: Sequence[Value]) -> None:
    """E0502 where a recurrence begins with what moves, and nobody knows yet what it becomes."""
    graph, moved = scope.run.builder.graph({}), {x.id for x in xs}
    unknown = {loop for y in ys for loop in open_loops(graph, y.id)}
    for node in graph.nodes if unknown else ():
        begun = isinstance(node.op, Previous) and node.op.loop in unknown
        if begun and moved & graph.reachable(node.inputs):
            raise scope.fault(
                "E0502",
                "this depends on a recurrence that is not closed yet",
                span,
                hint="take its derivative after the line `h' = ...`, or in a cell that `scan` "
                "applies",
            )


def jacobian(scope: Scope, span: Span, of: StaticValue, by: StaticValue) -> StaticValue:
    """All derivatives of a tensor by x: a tensor with the axes of both, for each element where one
    of them is a sequence; of a tuple, one for each.

    Faults: E0502 as `grad`, and of two sequences that are not seen element by element, whose pairs
    are no sequence; E0315.
    """
    place = scope.argument(span, "of")
    y = _of_numbers(scope, place, to_value(of, scope, place))
    several = isinstance(by, tuple)
    at = scope.argument(span, "by")
    sources = [real_source(scope, span, x) for x in (by if several else (by,))]
    for x in sources:
        _require_one_time(scope, at, y, x)
    _require_closed(scope, span, [y], sources)
    found = [_all_of(scope, span, y, _of_numbers(scope, at, x)) for x in sources]
    return tuple(found) if several else found[0]


def hessian(scope: Scope, span: Span, of: StaticValue, by: StaticValue) -> StaticValue:
    """All second derivatives of a scalar by x, with x's axes twice: forward over reverse.

    Faults: as `jacobian`.
    """
    x = real_source(scope, span, by)
    _require_one_time(scope, scope.argument(span, "by"), x, x)
    return jacobian(scope, span, grad(scope, span, of, x), x)


def _all_of(scope: Scope, span: Span, y: Value, x: Value) -> Value:
    try:
        return all_derivatives(scope.run.builder, y, x)
    except NotMapped as missing:
        message = f"there is no derivative along many directions at once of {missing.what}"
        where = missing.node.span or span
        raise scope.fault(
            "E0315", message, where, hint="jvp(e, x, v) is the derivative along one"
        ) from None


def _of_numbers(scope: Scope, place: Span, x: Value) -> Value:
    if x.type.classes is None:
        return x
    raise scope.fault(
        "E0502", f"all derivatives at once are those of numbers, this is {x.type}", place
    )


def _require_one_time(scope: Scope, place: Span, y: Value, x: Value) -> None:
    """E0502 where each element of one sequence has a derivative by each of another; a body that
    sees one element has that of this one.
    """
    if y.type.time is None or x.type.time is None:
        return
    if y.type.time == x.type.time and x.type.time in scope.elements:
        require_own_element(scope, place, y, x)
        return
    raise scope.fault(
        "E0502",
        f"each element of {y.type} by each of {x.type} is no sequence",
        place,
        hint="jvp(e, xs, v) and hvp(e, xs, v) are derivatives along one direction, "
        "`jacobian(last(e), xs)` has those of one element, and in a layer or a cell for one "
        "element jacobian(e, x) is that of this element",
    )
