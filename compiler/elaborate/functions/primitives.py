"""Operators that derivatives and initializers need and authors rarely write: a tensor's numbers,
rows added up, columns made orthonormal.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.row_counts import require_rows
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Sizes, StaticValue, is_number
from gradc_compiler.elaborate.types.sizes import check_size
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.index import Scatter
from gradc_compiler.ops.leaf import Literal
from gradc_compiler.ops.orthonormalize import Orthonormalize


def tensor(
    scope: Scope, span: Span, numbers: tuple[StaticValue, ...], shape: StaticValue
) -> StaticValue:
    """`tensor(1, 2, 3, 4, shape = [2, 2])`: numbers in row-major order."""
    require_sound(*numbers)
    if not all(map(is_number, numbers)):
        raise scope.fault("E0306", "`tensor` takes numbers", span, hint="stack(a, b) joins values")
    sizes = (len(numbers),) if shape is None else shape
    place = scope.argument(span, "shape")
    if not isinstance(sizes, tuple) or not all(map(is_number, sizes)):
        raise scope.fault("E0306", "a shape is a list of sizes", place)
    whole = tuple(check_size(n, place, scope) for n in sizes)
    expected = 1
    for n in whole:
        expected *= n
    if expected != len(numbers):
        raise scope.fault(
            "E0303", f"{Sizes(whole)} holds {expected} numbers, {len(numbers)} are given", place
        )
    return scope.run.builder.add(Literal(tuple(map(float, numbers)), whole))


def scatter(
    scope: Scope, span: Span, x: StaticValue, index: StaticValue, rows: StaticValue
) -> StaticValue:
    """`scatter(x, index, rows)`: row k is the sum of x's rows with index k."""
    value, at = to_value(x, scope, span), to_value(index, scope, span)
    if at.type.kind is not Kind.INDEX:
        raise scope.fault("E0306", f"scatter goes by labels, got {at.type}", span)
    place = scope.argument(span, "rows")
    count = check_size(rows, place, scope)
    require_rows(at, count, None, place, scope)
    return scope.run.builder.add(Scatter(count), value, at)


def orthonormalize(scope: Scope, span: Span, x: StaticValue) -> StaticValue:
    """`orthonormalize(x)`: the columns (or rows) of a matrix that is drawn, made orthonormal.

    Raises `Fault` outside an initializer: only first values are computed by it.
    """
    if scope.run.drawing is None:
        raise scope.fault(
            "E0207",
            "`orthonormalize` is a part of first values",
            span,
            "nothing is drawn here",
            hint="param W : [4, 4] ~ orthogonal",
        )
    return scope.run.builder.add(Orthonormalize(), to_value(x, scope, span))
