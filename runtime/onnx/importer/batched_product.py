"""`MatMul` of any two tensors as `@`, in which axes before the last two broadcast as well."""

from __future__ import annotations

from dataclasses import replace

from gradc_runtime.onnx.importer.align import broadcast_axes, unified, with_own_atoms
from gradc_runtime.onnx.importer.atoms import Axes, Axis, fixed, is_free, slots_of
from gradc_runtime.onnx.importer.attention import attention, with_scores
from gradc_runtime.onnx.importer.expression import Expr
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.rule import RuleContext
from gradc_runtime.system.errors import DataError


def batched_product(n: RuleContext, a: GraphValue, b: GraphValue) -> GraphValue:
    """a @ b: the last axis of a summed with the last but one of b, all axes before broadcast.

    Raises `DataError` where sizes do not fit, or where a sum would go over examples.
    """
    vector_a, vector_b = a.rank == 1, b.rank == 1
    a = replace(a, axes=((), *a.axes)) if vector_a else a
    b = replace(b, axes=(*b.axes, ())) if vector_b else b
    n.require_own(a, a.rank - 1)
    n.require_own(b, b.rank - 2)
    found = product_of_matrices(n, *with_one_sum(a, with_own_atoms(b)))
    return replace(found, axes=kept_axes(found.axes, vector_a, vector_b))


def product_of_matrices(n: RuleContext, a: GraphValue, b: GraphValue) -> GraphValue:
    """The product of two matrices, or stacks of them, whose summed axes have the same atoms.

    Raises `DataError` where examples times another axis are the rows of one of several products.
    """
    rows, summed, columns = a.axes[-2], a.axes[-1], b.axes[-1]
    lead, (left, right) = broadcast_axes([leading(a), leading(b)])
    left = replace(left, axes=(*left.axes, rows, summed))
    right = replace(right, axes=(*right.axes, summed, columns))
    known = attention(n, left, right)
    if known is not None:
        return known
    before, stacked = slots_of(lead), bool(fixed(right.axes[:-2]))
    over, beside = free_slots(rows), free_slots(columns) or ((),)
    if (len(over) > 1 and stacked) or len(beside) > 1:
        raise DataError("a product whose rows are examples times more than one axis")
    if not over and (before or stacked):
        over = ((),)
    x, most = matrix(n, left, (*before, *over, summed), len(over) + 1)
    y, other = matrix(n, right, (*before, summed, *beside), 2)
    rank = max(most - len(over) - 1, other - 2)
    lying = (*before[len(before) - rank :], *over, *beside)
    return with_scores(n.made(x @ y, (*lead, rows, columns), lying), left, right)


def leading(value: GraphValue) -> GraphValue:
    """A stack of matrices with the axes of the stack alone."""
    return replace(value, axes=value.axes[:-2])


def kept_axes(axes: Axes, vector_a: bool, vector_b: bool) -> Axes:
    """Axes of a product without those that a vector did not have."""
    *lead, rows, columns = axes
    return (*lead, *([] if vector_a else [rows]), *([] if vector_b else [columns]))


def free_slots(axis: Axis) -> Axes:
    """The slots of an axis that may have the batch in it."""
    return tuple((a,) for a in axis if a.free is None) if is_free(axis) else (axis,)


def matrix(n: RuleContext, value: GraphValue, slots: Axes, least: int) -> tuple[Expr, int]:
    """An operand in slots, and how many it has; slots in front that it lacks are left out."""
    own = set(fixed(value.axes))
    want = [tuple(a for a in slot if a in own) for slot in slots]
    while len(want) > least and not want[0]:
        want.pop(0)
    return n.expr(value, tuple(want)), len(want)


def with_one_sum(a: GraphValue, b: GraphValue) -> tuple[GraphValue, GraphValue]:
    """Both operands once the axis that is summed has the same atoms.

    Raises `DataError` where its sizes differ.
    """
    if a.axes[-1] == b.axes[-2]:
        return a, b
    x = replace(a, axes=(a.axes[-1], *a.axes[:-1]))
    y = replace(b, axes=(b.axes[-2], *b.axes[:-2], b.axes[-1]))
    x, y = unified([x, y], 1, 0, x.axes[0])
    return (
        replace(x, axes=(*x.axes[1:], x.axes[0])),
        replace(y, axes=(*y.axes[1:-1], y.axes[0], y.axes[-1])),
    )
