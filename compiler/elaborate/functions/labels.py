"""Functions of labels: the rows of a table, a vector of one 1, the number of classes.  Rows of
`builtins`.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.row_counts import require_rows
from gradc_compiler.elaborate.functions.tensors import real
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import StaticValue
from gradc_compiler.elaborate.types.sizes import check_size
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.leaf import Iota
from gradc_compiler.ops.shape import reshape, transpose

TOLD_APART = 1 << 24  # whole numbers, by float32


def taken(scope: Scope, span: Span, table: StaticValue, label: StaticValue) -> StaticValue:
    """Rows of a table by label."""
    rows, at = real(table, scope, span), to_value(label, scope, span)
    if at.type.kind is not Kind.INDEX:
        raise scope.fault("E0307", f"a row is taken by a label, not by {at.type}", span)
    if rows.shape:
        require_rows(at, rows.shape[0], rows, span, scope)
    return scope.run.builder.add(Take(), rows, at)


def one_hot(scope: Scope, span: Span, label: StaticValue, count: StaticValue) -> StaticValue:
    """1 at the label, 0 elsewhere."""
    at = to_value(label, scope, span)
    place = scope.argument(span, "count")
    classes = at.type.classes if count is None else check_size(count, place, scope)
    if at.type.kind is not Kind.INDEX or classes is None:
        raise scope.fault(
            "E0306",
            f"one_hot takes a label, got {at.type}",
            span,
            hint="declare the field as class(k)",
        )
    require_rows(at, classes, None, place, scope)
    builder = scope.run.builder
    if classes > TOLD_APART:
        return _scattered(at, classes)
    if at.type.classes is None and not at.shape:  # a place, which a scatter keeps within bounds
        return builder.add(Scatter(classes), builder.constant(1.0), at)
    numbers = builder.add(Iota(classes))
    return numbers.apply("eq", reshape(at, (*at.shape, 1)), numbers)


def _scattered(at: Value, classes: int) -> Value:
    """The rows of a unit matrix, one for each label, added up by label: no label is compared."""
    builder, count = at.builder, at.type.size
    number = builder.add(Iota(count))
    unit = number.apply("eq", reshape(number, (count, 1)), number)
    columns = builder.add(Scatter(classes), unit, reshape(at, (count,)))
    return reshape(transpose(columns, (1, 0)), (*at.shape, classes))


def classes_of(scope: Scope, span: Span, label: StaticValue) -> StaticValue:
    """How many classes a label has."""
    at = to_value(label, scope, span)
    if at.type.classes is None:
        raise scope.fault("E0306", f"`classes` counts those of a label, got {at.type}", span)
    return at.type.classes
