"""Reading and writing at places that numbers say: by labels, which index in the language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.arrange import place_of, with_atoms
from gradc_runtime.onnx.importer.atoms import (
    Free,
    axes_of,
    is_free,
    size_of,
    sizes,
    slots_of,
    split,
)
from gradc_runtime.onnx.importer.expression import Expr, Weights, call, pipe, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue, of_array
from gradc_runtime.onnx.importer.known_values import bounded
from gradc_runtime.onnx.importer.moving import along, chosen, labels, last, with_axis
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.times import end_of_time
from gradc_runtime.system.errors import DataError


@rule("Gather", "embedding, x[i], take")
def gather(n: RuleContext) -> GraphValue:
    """Parts of a table along an axis, by places that are known or computed."""
    x, places = n.value(0), n.value(1)
    axis = n.axis(x, n.attr("axis", 0))
    if is_free(x.axes[axis]):
        return gather_time(n, x, axis)
    if places.classes:
        return embedding(n, x, places, axis)
    if places.array is not None:
        return gather_known(n, x, axis, places.array)
    size = size_of(x.axes[axis])
    index = labels(wrapped(n.plain(places), size), sizes(slots_of(places.axes)), size)
    _, slots = n.opened(x)
    k = place_of(x.axes, axis, slots)
    front = (slots[k], *slots[:k], *slots[k + 1 :])
    found = call("take", n.expr(x, front), index)
    axes = (*x.axes[:axis], *places.axes, *x.axes[axis + 1 :])
    return n.made(found, axes, (*slots_of(places.axes), *front[1:]))


def gather_time(n: RuleContext, x: GraphValue, axis: int) -> GraphValue:
    """The first or last element of a sequence."""
    if [a.free for a in x.axes[axis]] == [Free.TIME]:
        place = n.array(1)
        if place.size == 1 and int(place.reshape(())) in (0, -1):
            keep = place.ndim > 0
            return end_of_time(n, x, axis, last=int(place.reshape(())) == -1, keep=keep)
    n.require_own(x, axis)
    raise AssertionError("a free axis is refused")


def wrapped(places: Expr, size: int) -> Expr:
    """Places as counted from the front; negative ones are counted from the end."""
    return call("where", places < 0, places + size, places)


def gather_known(n: RuleContext, x: GraphValue, axis: int, places: np.ndarray) -> GraphValue:
    """Parts at places that are known; one number takes the axis away.

    Raises `DataError` where operands do not fit.
    """
    size = size_of(x.axes[axis])
    flat = [int(p) for p in places.reshape(-1)]
    if any(not -size <= p < size for p in flat):
        raise DataError(f"places {flat[:8]} of {size}")
    picked = along(n, x, axis, flat)
    if picked.array is not None:
        shape = [size_of(a) for a in with_axis(x.axes, axis, axes_of(places.shape))]
        return replace(picked, array=picked.array.reshape(shape), axes=axes_of(shape))
    if places.ndim == 1:
        return n.same(picked)
    if picked is x and places.ndim == 0:
        return n.same(x, axes=with_axis(x.axes, axis, []))
    return in_shape(n, picked, axis, places.shape)


def in_shape(n: RuleContext, value: GraphValue, axis: int, shape: Sequence[int]) -> GraphValue:
    """A value whose axis is read as several, or as none."""
    own, new = value.axes[axis], axes_of(shape)
    if not shape or not own:
        return n.same(value, axes=with_axis(value.axes, axis, new))
    value = with_atoms(value, split(own, [a.size for one in new for a in one]) or {})
    atoms = list(value.axes[axis])
    axes = tuple((atoms.pop(0),) if one else () for one in new)
    return n.same(value, axes=with_axis(value.axes, axis, axes))


def embedding(n: RuleContext, table: GraphValue, label: GraphValue, axis: int) -> GraphValue:
    """A learnt vector for a label, or for each of a sequence of them.

    Raises `DataError` where operands do not fit.
    """
    assert label.expr is not None
    width = table.axes[1]
    count = size_of(table.axes[0])
    if table.array is None or axis or table.rank != 2:
        raise DataError("a table of rows is what labels take from")
    if table.trained and not table.shared:
        weights = Weights("embedding", {"W": table.array}, (table.name,))
        found = pipe(label.expr, f"embedding({count}, {size_of(width)})", weights)
    else:
        found = call("take", n.plain(table), label.expr)
    slots = slots_of(label.axes)
    if slots:
        found = call("from_rows", found)
    return n.made(found, (*label.axes, width), (*slots, width))


@rule("GatherElements", "take_along")
def gather_elements(n: RuleContext) -> GraphValue:
    """Numbers along an axis, in each row at its own places.

    Raises `DataError` where operands do not fit.
    """
    x, places = n.value(0), n.value(1)
    axis = n.axis(x, n.attr("axis", 0))
    size = size_of(x.axes[axis])
    for k in range(x.rank):
        if k != axis and size_of(places.axes[k]) < size_of(x.axes[k]):
            x = along(n, x, k, range(size_of(places.axes[k])))
    if any(is_free(a) for a in (*x.axes, *places.axes)):
        raise DataError("it takes along rows of examples")
    expr, _ = last(n, as_onnx(n, x), axis)
    index, slots = last(n, as_onnx(n, places), axis)
    found = call("take_along", expr, labels(wrapped(index, size), sizes(slots), size))
    return n.made(found, places.axes, slots)


def as_onnx(n: RuleContext, value: GraphValue) -> GraphValue:
    """A value that lies as ONNX has it."""
    if value.expr is None:
        return value
    slots = slots_of(value.axes)
    return replace(value, expr=n.plain(value), slots=slots)


@rule("GatherND", "take")
def gather_nd(n: RuleContext) -> GraphValue:
    """Parts of x at places that several numbers say.

    Raises `DataError` where operands do not fit.
    """
    x, places = n.value(0), n.value(1)
    batch = n.attr("batch_dims", 0)
    depth = size_of(places.axes[-1])
    shape = [size_of(a) for a in x.axes]
    if any(is_free(a) for v in (x, places) for a in v.axes):
        raise DataError("it takes from rows of examples")
    index = flat_index(n, places, shape[: batch + depth], batch)
    rows = prod(shape[: batch + depth])
    flat = call("reshape", n.plain(x), Expr(shape_text([rows, *shape[batch + depth :]])))
    lead = [size_of(a) for a in places.axes[:-1]]
    found = call("take", flat, labels(index, lead, rows))
    return n.fresh(found, [*lead, *shape[batch + depth :]])


def flat_index(n: RuleContext, places: GraphValue, shape: list[int], batch: int) -> Expr:
    """The place in a flattened table that the last axis of `places` says, number by number."""
    lead = [size_of(a) for a in places.axes[:-1]]
    strides = np.cumprod([1, *shape[::-1]])[::-1][1:]
    expr = n.plain(places)
    front = ", ".join([":"] * len(lead))
    found: Any = None
    for k in range(size_of(places.axes[-1])):
        where = f"{front}, {k}" if front else f"{k}"
        one = wrapped(Expr(f"{{}}[{where}]", (expr,), 9, (9,)), shape[batch + k])
        term = one if strides[batch + k] == 1 else one * int(strides[batch + k])
        found = term if found is None else found + term
    for k in range(batch):
        table = np.arange(lead[k]).reshape([-1 if j == k else 1 for j in range(len(lead))])
        step = n.stored.small(np.ascontiguousarray(np.broadcast_to(table, lead)) * int(strides[k]))
        found = found + step
    return found  # type: ignore[no-any-return]


@rule("OneHot", "where(x == iota(n), on, off)")
def one_hot(n: RuleContext) -> GraphValue:
    """`OneHot`: a new axis, in which one place is on."""
    x, values = n.value(0), n.value(2)
    depth = int(n.array(1).reshape(()))
    axis = n.attr("axis", -1)
    axis = axis + x.rank + 1 if axis < 0 else axis
    axes = (*x.axes[:axis], (), *x.axes[axis:])
    array = None if x.array is None else np.expand_dims(x.array, axis)
    wide = replace(x, axes=axes, array=array)
    bounded([depth])
    count = np.arange(depth).reshape([depth if k == axis else 1 for k in range(len(axes))])
    low, high = (n.same(along(n, values, 0, [k]), axes=()) for k in (0, 1))
    low, high = (flattened(v) for v in (low, high))
    return n.elementwise(
        lambda e, i, a, b: call("where", Expr("{} == {}", (wrapped(e, depth), i), 4, (5, 5)), b, a),
        wide, of_array("count", count), low, high, kind=values.kind,
    )  # fmt: skip


def flattened(value: GraphValue) -> GraphValue:
    """A value of one number without axes."""
    return value if value.array is None else replace(value, array=value.array.reshape(()))


__all__ = ["chosen"]
