"""Tensors joined and cut: `Concat`, `Split`, `Slice`, `Tile`, `Pad`, and tables that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.align import broadcast_axes, with_own_atoms
from gradc_runtime.onnx.importer.arrange import opened_slots, place_of
from gradc_runtime.onnx.importer.atoms import (
    Atom,
    Axis,
    Free,
    axis_of,
    is_free,
    size_of,
    sizes,
    slots_of,
)
from gradc_runtime.onnx.importer.expression import Expr, call
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.moving import along, repeated, with_axis
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.rules.shape_rules import reshaped_to
from gradc_runtime.onnx.importer.sizes_known_later import FreeSize
from gradc_runtime.onnx.importer.times import end_of_time
from gradc_runtime.system.errors import DataError


@rule("Concat", "concat")
def concat(n: RuleContext) -> GraphValue:
    """Operands one after another along an axis."""
    values = n.values()
    axis = n.axis(values[0], n.attr("axis", 1))
    return joined_along(n, [v for v in values if size_of(v.axes[axis])] or values[:1], axis)


def joined_along(n: RuleContext, values: Sequence[GraphValue], axis: int) -> GraphValue:
    """Values one after another along an axis.

    Raises `DataError` where their other sizes differ.
    """
    for value in values:
        n.require_own(value, axis)
    if len(values) == 1:
        return n.same(values[0])
    values = [values[0], *map(with_own_atoms, values[1:])]  # x and its transpose share theirs
    found = with_one_rest(values, axis)
    parts = [replace(f, axes=with_axis(f.axes, axis, [v.axes[axis]]))
             for f, v in zip(found, values, strict=True)]  # fmt: skip
    lead = next((p for p in parts if p.expr is not None), parts[0])
    slots = opened_slots(lead) if lead.expr is not None else slots_of(lead.axes)
    k = place_of(lead.axes, axis, slots)
    exprs = [n.expr(p, (*slots[:k], p.axes[axis], *slots[k + 1 :])) for p in parts]
    new = (Atom(sum(size_of(p.axes[axis]) for p in parts)),)
    axes = tuple(free_axis(found, d) or own for d, own in enumerate(lead.axes))
    return n.made(
        call("concat", *exprs, axis=str(k)), with_axis(axes, axis, [new]),
        (*slots[:k], new, *slots[k + 1 :]),
    )  # fmt: skip


def free_axis(values: Sequence[GraphValue], k: int) -> Axis:
    """Axis k of the first value where it is one of examples or of a time; () where none is."""
    return tuple(next((v.axes[k] for v in values if is_free(v.axes[k])), ()))


def with_one_rest(values: Sequence[GraphValue], axis: int) -> list[GraphValue]:
    """Values with an axis of 1 in place of the joined one, whose other axes are the same.

    Raises `DataError` where they are not.
    """
    if len({v.rank for v in values}) > 1:
        raise DataError("operands have different numbers of axes")
    _, found = broadcast_axes([replace(v, axes=with_axis(v.axes, axis, [()])) for v in values])
    for k in range(values[0].rank):
        if k != axis and len({size_of(v.axes[k]) for v in found}) > 1:
            raise DataError(f"sizes along axis {k} differ")
    return found


@rule("Split", "x[..., a:b]")
def split(n: RuleContext) -> list[GraphValue]:
    """Parts along an axis.

    Raises `DataError` where operands do not fit.
    """
    x = n.value()
    axis = n.axis(x, n.attr("axis", 0))
    n.require_own(x, axis)
    size, count = size_of(x.axes[axis]), len(n.outputs)
    given = n.integers(1, "split")
    if given is None:
        whole = -(-size // n.attr("num_outputs", count))
        given = [max(min(whole, size - whole * k), 0) for k in range(count)]
    if sum(given) != size or len(given) != count or min(given) < 0:
        raise DataError(f"{list(given)} are no parts of {size}")
    found, begin = [], 0
    for part, name in zip(given, n.outputs, strict=True):
        piece = along(n, x, axis, range(begin, begin + part))
        found.append(replace(piece, name=name))
        if piece.expr is not None:
            piece.expr.hint = name
        begin += part
    return found


@rule("Slice", "x[..., a:b], a contraction where steps are not 1")
def slice_(n: RuleContext) -> GraphValue:
    """Parts along axes, from a place to a place by steps.

    Raises `DataError` where operands do not fit.
    """
    x = n.value()
    starts, ends = n.integers(1, "starts"), n.integers(2, "ends")
    axes = n.integers(3, "axes") or list(range(len(starts)))
    steps = n.integers(4) or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        k = n.axis(x, axis)
        if is_free(x.axes[k]):
            x = of_free_axis(n, x, k, (start, end, step))
            continue
        if any(isinstance(place, FreeSize) for place in (start, end, step)):
            raise DataError("a place that the batch decides")
        if step == 0:
            raise DataError("a step of 0")
        size = size_of(x.axes[k])
        if step < 0:  # a start far in front is the first place, an end there lies before it
            start, end = max(start, -size), None if end < -size else end
        x = along(n, x, k, range(size)[start:end:step])
    return n.same(x)


def of_free_axis(n: RuleContext, x: GraphValue, k: int, places: tuple[Any, Any, Any]) -> GraphValue:
    """All of a batch or time, or the last or first element of a time with an axis of 1.

    Raises `DataError` for anything else.
    """
    start, end, step = places
    whole = isinstance(end, FreeSize) or end >= 2**31 - 1
    if step == 1 and start == 0 and whole:
        return x
    if [a.free for a in x.axes[k]] == [Free.TIME] and step == 1:
        if start == -1 and whole:
            return end_of_time(n, x, k, last=True, keep=True)
        if (start, end) == (0, 1):
            return end_of_time(n, x, k, last=False, keep=True)
    n.require_own(x, k)
    raise AssertionError("a free axis is refused")


@rule("Tile", "broadcast")
def tile(n: RuleContext) -> GraphValue:
    """`Tile`: a tensor repeated along each axis."""
    x = n.value()
    for k, times in enumerate(n.integers(1)):
        if times == 0:
            x = along(n, x, k, [])
        elif not x.axes[k]:
            if times != 1:
                x = widened(n, x, k, times)
        else:
            x = repeated(n, x, k, times, each=False)
    return n.same(x)


def widened(n: RuleContext, x: GraphValue, k: int, times: int) -> GraphValue:
    """An axis of 1 made `times` long."""
    n.require_own(x, k)
    expr, slots = n.opened(x)
    place = place_of(x.axes, k, slots)
    new = axis_of(times)
    lying = (*slots[:place], new, *slots[place + 1 :])
    shape = ", ".join(map(str, sizes(lying)))
    found = call("broadcast", expr, Expr(f"[{shape}]"))
    return n.made(found, with_axis(x.axes, k, [new]), lying, x.kind)


@rule("Compress", "rows that are kept")
def compress(n: RuleContext) -> GraphValue:
    """The parts where a known condition holds.

    Raises `DataError` where there are fewer parts.
    """
    x = n.value()
    kept = [int(k) for k in np.flatnonzero(n.array(1))]
    if n.attr("axis") is None:
        x, axis = reshaped_to(n, x, [-1]), 0
    else:
        axis = n.axis(x, n.attr("axis"))
    n.require_own(x, axis)
    if kept and kept[-1] >= size_of(x.axes[axis]):
        raise DataError(f"it keeps part {kept[-1]} of {size_of(x.axes[axis])}")
    return along(n, x, axis, kept)
