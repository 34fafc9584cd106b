"""Functions of labels: the rows of a table, a vector of one 1, the number of classes.  Rows of
`builtins`.
"""

from __future__ import annotations

from compiler.elaborate.arithmetic import to_value
from compiler.elaborate.rows import require_rows
from compiler.elaborate.scope import Scope
from compiler.elaborate.sizes import check_size
from compiler.elaborate.tensors import real
from compiler.elaborate.values import Meaning
from compiler.graph.types import Kind
from compiler.ops.index import Scatter, Take
from compiler.ops.leaf import Iota
from compiler.ops.shape import reshape
from compiler.source import Span


def taken(scope: Scope, span: Span, table: Meaning, label: Meaning) -> Meaning:
    """Rows of a table by label."""
    rows, at = real(table, scope, span), to_value(label, scope, span)
    if at.type.kind is not Kind.INDEX:
        raise scope.fault("E0307", f"a row is taken by a label, not by {at.type}", span)
    if rows.shape:
        require_rows(at, rows.shape[0], rows, span, scope)
    return scope.run.builder.add(Take(), rows, at)


def one_hot(scope: Scope, span: Span, label: Meaning, count: Meaning) -> Meaning:
    """1 at the label, 0 elsewhere."""
    at = to_value(label, scope, span)
    classes = at.type.classes if count is None else check_size(count, span, scope)
    if at.type.kind is not Kind.INDEX or classes is None:
        raise scope.fault(
            "E0306",
            f"one_hot takes a label, got {at.type}",
            span,
            hint="declare the field as class(k)",
        )
    require_rows(at, classes, None, span, scope)
    builder = scope.run.builder
    scattered = at.type.classes is None or classes > 1 << 24  # which float32 does not tell apart
    if scattered and not at.shape:  # a place, which a scatter keeps within bounds
        return builder.add(Scatter(classes), builder.constant(1.0), at)
    numbers = builder.add(Iota(classes))
    return numbers.apply("eq", reshape(at, (*at.shape, 1)), numbers)


def classes_of(scope: Scope, span: Span, label: Meaning) -> Meaning:
    """How many classes a label has."""
    at = to_value(label, scope, span)
    if at.type.classes is None:
        raise scope.fault("E0306", f"`classes` counts those of a label, got {at.type}", span)
    return at.type.classes
