"""Functions on whole tensors: reductions, shapes, parts, labels.  Rows of `builtins`.

Each gets the scope, the call's span and its arguments; static arguments (axes, shapes) are checked
here, types by the operators themselves.
"""

from __future__ import annotations

from math import prod

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import stack, to_value
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Sizes, StaticValue, is_number
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.elaborate.types.sizes import check_size
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import TypeFault, broadcast_shapes
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.leaf import Iota
from gradc_compiler.ops.reduce import ArgMax, BatchMean, Max
from gradc_compiler.ops.shape import Concat, broadcast, reshape, sum_axes, transpose

ALONG_A_LIST = (None, 0, -1, (0,), (-1,))  # axes that a list of known numbers has


def real(x: StaticValue, scope: Scope, span: Span) -> Value:
    """A tensor of numbers, not of labels."""
    value = to_value(x, scope, span)
    if value.type.kind is Kind.INDEX:
        raise scope.fault(
            "E0306",
            f"expected numbers, got {value.type}",
            span,
            hint="one_hot(label, k) makes a vector of a label",
        )
    return value


def axes_of(axis: StaticValue, x: Value, scope: Scope, span: Span) -> tuple[int, ...]:
    """Axes as a call's `axis` has them: one, several, negative from the end, or all."""
    rank, place = len(x.shape), scope.argument(span, "axis")
    if axis is None:
        return tuple(range(rank))
    chosen = axis if isinstance(axis, tuple) else (axis,)
    for a in chosen:
        if not isinstance(a, int) or isinstance(a, bool) or not -rank <= a < rank:
            raise scope.fault(
                "E0307",
                f"{x.type} has no axis {a if is_number(a) else describe(a)}",
                place,
                hint=_axes_text(rank),
            )
    axes = {a % rank for a in chosen}
    if len(axes) < len(chosen):
        named = ", ".join(map(str, chosen))
        raise scope.fault("E0307", f"({named}) names an axis of {x.type} twice", place)
    return tuple(sorted(axes))


def _axes_text(rank: int) -> str:
    if rank == 0:
        return "a scalar has no axes"
    return f"axes are counted from 0: the last is {rank - 1}, or -1"


def shape_argument(shape: StaticValue, scope: Scope, span: Span) -> tuple[int, ...]:
    """The argument `shape` of a call: `[3, 4]`, `scalar`, 3x4."""
    place = scope.argument(span, "shape")
    if not isinstance(shape, tuple):
        raise scope.fault("E0306", f"expected a shape such as [3, 4], got {describe(shape)}", place)
    return tuple(check_size(n, place, scope) for n in shape)


def sum_over(scope: Scope, span: Span, x: StaticValue, axis: StaticValue) -> StaticValue:
    """`sum(x, axis = 0)`; over all axes without one."""
    if axis in ALONG_A_LIST and isinstance(x, Sizes) and all(map(is_number, x)):
        return sum(x)
    value = real(x, scope, span)
    return sum_axes(value, axes_of(axis, value, scope, span))


def mean_over(scope: Scope, span: Span, x: StaticValue, axis: StaticValue) -> StaticValue:
    """`mean(x, axis = 0)`."""
    value = real(x, scope, span)
    axes = axes_of(axis, value, scope, span)
    count = prod(value.shape[a] for a in axes)
    if count == 0:
        raise scope.fault("E0402", "the mean of no elements is undefined", span)
    return sum_axes(value, axes) / float(count) if count > 1 else sum_axes(value, axes)


def extreme(name: str, scope: Scope, span: Span, x: StaticValue, axis: StaticValue) -> StaticValue:
    """`max(x, axis = 0)`, and min as -max(-x)."""
    if axis in ALONG_A_LIST and isinstance(x, tuple) and x and all(map(is_number, x)):
        return max(x) if name == "max" else min(x)
    value = real(x, scope, span)
    axes = axes_of(axis, value, scope, span)
    if not axes:
        return value
    if name == "max":
        return scope.run.builder.add(Max(axes), value)
    return -scope.run.builder.add(Max(axes), -value)


def argmax(scope: Scope, span: Span, x: StaticValue) -> StaticValue:
    """The position of the greatest element along the last axis, a label."""
    return scope.run.builder.add(ArgMax(), real(x, scope, span))


def reshaped(scope: Scope, span: Span, x: StaticValue, shape: StaticValue) -> StaticValue:
    """The same numbers in another shape."""
    value, wanted = to_value(x, scope, span), shape_argument(shape, scope, span)
    if value.type.size != prod(wanted):
        raise scope.fault(
            "E0303",
            f"{value.type} has {value.type.size} elements, "
            f"[{', '.join(map(str, wanted))}] has {prod(wanted)}",
            scope.argument(span, "shape"),
        )
    return reshape(value, wanted)


def transposed_by(scope: Scope, span: Span, x: StaticValue, order: StaticValue) -> StaticValue:
    """`transpose(x)` reverses the axes; `transpose(x, (1, 0, 2))` gives them an order."""
    value = real(x, scope, span)
    rank = len(value.shape)
    axes = tuple(reversed(range(rank))) if order is None else order
    named = isinstance(axes, tuple) and all(map(is_number, axes))
    if not named or sorted(axes) != list(range(rank)):
        raise scope.fault(
            "E0307",
            f"an order of the {rank} axes of {value.type} names each once",
            scope.argument(span, "order"),
            hint=f"such as ({', '.join(map(str, reversed(range(rank))))})" if rank > 1 else None,
        )
    return value if list(axes) == list(range(rank)) else transpose(value, axes)


def concatenated(
    scope: Scope, span: Span, parts: tuple[StaticValue, ...], axis: StaticValue
) -> StaticValue:
    """Tensors one after another along an axis."""
    values = _parts(parts, scope, span)
    chosen = axes_of(0 if axis is None else axis, values[0], scope, span)
    if len(chosen) != 1:
        place = scope.argument(span, "axis")
        raise scope.fault("E0307", f"tensors are joined along one axis, not {len(chosen)}", place)
    return scope.run.builder.add(Concat(chosen[0]), *values)


def stacked(scope: Scope, span: Span, parts: tuple[StaticValue, ...]) -> StaticValue:
    """Tensors of one shape along a new leading axis."""
    return stack(_parts(parts, scope, span), scope)


def _parts(parts: tuple[StaticValue, ...], scope: Scope, span: Span) -> list[Value]:
    if len(parts) == 1 and isinstance(parts[0], tuple) and not isinstance(parts[0], Sizes):
        parts = parts[0]
    if not parts:
        raise scope.fault("E0305", "there is nothing to join: this tuple has no parts", span)
    require_sound(*parts)
    return [real(part, scope, span) for part in parts]


def padded(
    scope: Scope, span: Span, x: StaticValue, before: StaticValue, after: StaticValue
) -> StaticValue:
    """Zeros before and after along each axis."""
    value = real(x, scope, span)
    low, high = (
        _zeros(side, value, scope.argument(span, name), scope)
        for name, side in (("before", before), ("after", after))
    )
    shape = tuple(n + a + b for n, a, b in zip(value.shape, low, high, strict=True))
    source = tuple(Affine(((j, 1),), -a) for j, a in enumerate(low))
    op = Contract(shape, (source,), tuple(index(j) for j in range(len(shape))), shape)
    return scope.run.builder.add(op, value)


def _zeros(side: StaticValue, x: Value, place: Span, scope: Scope) -> list[int]:
    """How many zeros go on one side of each axis."""
    counts = side if isinstance(side, tuple) else (side,) * x.type.rank
    if len(counts) != x.type.rank:
        raise scope.fault("E0305", f"{x.type} has {x.type.rank} axes to pad", place)
    return [check_size(n, place, scope) for n in counts]


def repeated(scope: Scope, span: Span, x: StaticValue, shape: StaticValue) -> StaticValue:
    """x repeated to a shape by NumPy's rule.

    Raises `TypeFault` where the shape does not follow from that of x.
    """
    value, wanted = real(x, scope, span), shape_argument(shape, scope, span)
    if broadcast_shapes([value.shape, wanted]) != wanted:
        raise TypeFault(f"{value.type} cannot be repeated to [{', '.join(map(str, wanted))}]")
    return broadcast(value, wanted)


def iota(scope: Scope, span: Span, n: StaticValue) -> StaticValue:
    """0, 1, ..., n - 1."""
    return scope.run.builder.add(Iota(check_size(n, scope.argument(span, "n"), scope)))


def batch_mean(scope: Scope, span: Span, x: StaticValue) -> StaticValue:
    """The mean over the examples of a batch."""
    value = real(x, scope, span)
    if value.type.time is not None:
        raise scope.fault(
            "E0312",
            f"`batch_mean` looks across the examples, whose sequences differ: this is {value.type}",
            span,
            hint="batch_mean(time_mean(xs)), or a layer that looks at one example: layer_norm",
        )
    return scope.run.builder.add(BatchMean(), value)


def size_of_tensor(scope: Scope, span: Span, x: StaticValue, axis: StaticValue) -> StaticValue:
    """How many elements, or the size of an axis; numbers known now are counted now."""
    if axis is None and isinstance(x, tuple) and _is_known(x):
        return len(x)
    value = to_value(x, scope, span)
    return prod(value.shape[a] for a in axes_of(axis, value, scope, span))


def _is_known(x: StaticValue) -> bool:
    """Whether this is a number that is known now, or a tuple of such, as ((1, 0), 2) is."""
    return all(map(_is_known, x)) if isinstance(x, tuple) else is_number(x)


def shape_of(scope: Scope, span: Span, x: StaticValue) -> StaticValue:
    """Its sizes."""
    return Sizes(to_value(x, scope, span).shape)


def rank_of(scope: Scope, span: Span, x: StaticValue) -> StaticValue:
    """How many axes."""
    return len(to_value(x, scope, span).shape)


def filled(scope: Scope, span: Span, shape: StaticValue, value: StaticValue) -> StaticValue:
    """A tensor filled with one number."""
    sizes = shape_argument(shape, scope, span)
    if is_number(value):
        return scope.run.builder.constant(float(value), sizes)
    return broadcast(real(value, scope, scope.argument(span, "value")), sizes)
