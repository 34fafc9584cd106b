"""Operators that change how numbers are read, and move none if they can help it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.arrange import rearrange
from gradc_runtime.onnx.importer.atoms import (
    Atom,
    Axes,
    Axis,
    axis_of,
    fixed,
    is_free,
    size_of,
    slots_of,
)
from gradc_runtime.onnx.importer.graph_value import GraphValue, mixes
from gradc_runtime.onnx.importer.known_values import bounded
from gradc_runtime.onnx.importer.reshaping import target_axes
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.sizes_known_later import FreeSize
from gradc_runtime.system.errors import DataError


def with_axes(n: RuleContext, value: GraphValue, axes: Axes) -> GraphValue:
    """The same numbers read by other axes of the same atoms."""
    if value.array is not None:
        array = value.array.reshape([size_of(axis) for axis in axes])
        return n.same(value, axes=axes, array=array)
    return n.same(value, axes=axes)


@rule("Reshape", "as(shape)")
def reshape(n: RuleContext) -> GraphValue:
    """Another shape; 0 keeps a size, -1 is what is left."""
    x = n.value()
    target = n.integers(1, "shape", [])
    if not n.attr("allowzero", 0):
        target = [x.sizes()[k] if is_zero(s) and k < x.rank else s for k, s in enumerate(target)]
    return reshaped_to(n, x, target)


def is_zero(size: Any) -> bool:
    """Whether a size is 0, which is not so of one that is not known."""
    return not isinstance(size, FreeSize) and size == 0


def reshaped_to(n: RuleContext, x: GraphValue, target: list[Any]) -> GraphValue:
    """x with these sizes."""
    if x.array is not None:
        return n.same(x, axes=tuple(axis_of(int(s)) for s in x.array.reshape(target).shape),
                      array=x.array.reshape([int(s) for s in target]))  # fmt: skip
    x, axes = target_axes(x, target)
    return with_axes(n, x, axes)


@rule("Flatten", "flatten")
def flatten(n: RuleContext) -> GraphValue:
    """Two axes: those before `axis` together, and the others.

    Raises `DataError` where operands do not fit.
    """
    x = n.value()
    k = n.attr("axis", 1)
    k = k + x.rank if k < 0 else k
    if not 0 <= k <= x.rank:
        raise DataError(f"axis {k} of a tensor with {x.rank} axes")
    axes = (joined(x.axes[:k]), joined(x.axes[k:]))
    return with_axes(n, x, axes)


def joined(axes: Axes) -> Axis:
    """Several axes as one."""
    return tuple(atom for axis in axes for atom in axis)


@rule("Squeeze", "as(shape)")
def squeeze(n: RuleContext) -> GraphValue:
    """Without axes of size 1.

    Raises `DataError` where operands do not fit.
    """
    x = n.value()
    given = n.integers(1, "axes")
    drop = (
        {k for k, axis in enumerate(x.axes) if not axis}
        if given is None
        else {n.axis(x, a) for a in given}
    )
    if any(x.axes[k] for k in drop):
        k = next(k for k in drop if x.axes[k])
        what = f"counts {mixes(x.axes[k])}" if is_free(x.axes[k]) else f"has {size_of(x.axes[k])}"
        raise DataError(f"axis {k} cannot be left out: it {what}")
    return with_axes(n, x, tuple(axis for k, axis in enumerate(x.axes) if k not in drop))


@rule("Unsqueeze", "as(shape)")
def unsqueeze(n: RuleContext) -> GraphValue:
    """With new axes of size 1.

    Raises `DataError` where operands do not fit.
    """
    x = n.value()
    given = n.integers(1, "axes")
    rank = x.rank + len(given)
    new = {a + rank if a < 0 else a for a in given}
    if len(new) != len(given) or not all(0 <= a < rank for a in new):
        raise DataError(f"axes {given} of a tensor with {rank} axes")
    old = iter(x.axes)
    return with_axes(n, x, tuple(() if k in new else next(old) for k in range(rank)))


@rule("Transpose", "transpose")
def transpose(n: RuleContext) -> GraphValue:
    """Axes in another order.

    Raises `DataError` where operands do not fit.
    """
    x = n.value()
    order = n.attr("perm", list(range(x.rank))[::-1])
    if sorted(order) != list(range(x.rank)):
        raise DataError(f"{list(order)} is no order of {x.rank} axes")
    array = None if x.array is None else x.array.transpose(order)
    return n.same(x, axes=tuple(x.axes[k] for k in order), array=array)


@rule("Expand", "broadcast")
def expand(n: RuleContext) -> GraphValue:
    """Axes of size 1 repeated; the batch needs none, as every example has what all share."""
    x = n.value()
    target = n.integers(1)
    x = replace(x, axes=((),) * (len(target) - x.rank) + x.axes) if x.rank < len(target) else x
    if x.array is not None:
        x = replace(x, array=x.array.reshape([size_of(a) for a in x.axes]))
    target = [1] * (x.rank - len(target)) + target
    axes = tuple(wider(axis, size, n.free_axis) for axis, size in zip(x.axes, target, strict=True))
    if x.array is not None and not x.trained:
        array = np.broadcast_to(x.array, bounded([size_of(a) for a in axes]))
        return n.same(x, axes=axes, array=np.ascontiguousarray(array))
    if [size_of(a) for a in axes] == [size_of(a) for a in x.axes]:
        return n.made(n.plain(replace(x, axes=axes)), axes) if x.trained else n.same(x, axes=axes)
    mask = np.ones([1 if is_free(a) else size_of(a) for a in axes], x.kind)
    full = GraphValue(name="", axes=axes, kind=x.kind, array=mask)
    return broadcast_to(n, replace(x, axes=tuple(
        a if a else () for a in x.axes)), full)  # fmt: skip


def wider(axis: Axis, size: Any, free: Any) -> Axis:
    """An axis broadcast to a size."""
    if axis:
        return axis
    if isinstance(size, FreeSize):
        return free(size)  # type: ignore[no-any-return]
    return axis_of(int(size))


def broadcast_to(n: RuleContext, x: GraphValue, full: GraphValue) -> GraphValue:
    """x repeated along the axes that it lacks."""
    from gradc_runtime.onnx.importer.atoms import sizes
    from gradc_runtime.onnx.importer.expression import Expr, call, shape_text

    slots = slots_of(full.axes)
    own = set(fixed(x.axes))
    want = tuple(tuple(a for a in slot if a in own) for slot in slots)
    expr = n.expr(x, want)
    return n.made(call("broadcast", expr, Expr(shape_text(sizes(slots)))), full.axes, slots)


@rule("DepthToSpace", "as, transpose")
def depth_to_space(n: RuleContext) -> GraphValue:
    """Channels become pixels: [n, b b c, h, w] to [n, c, h b, w b].

    Raises `DataError` where operands do not fit.
    """
    x, b = n.value(), n.attr("blocksize")
    channels = size_of(x.axes[1])
    if x.rank != 4 or b < 1 or channels % (b * b):
        raise DataError(f"{channels} channels are not blocks of {b}x{b}")
    order = [b, b, channels // (b * b)]
    crd = n.attr("mode", "DCR") == "CRD"
    x, axes = target_axes(x, [*x.sizes()[:1], *(order[::-1] if crd else order), *x.sizes()[2:]])
    first, *parts, h, w = axes
    p, q, c = (parts[1], parts[2], parts[0]) if crd else (parts[0], parts[1], parts[2])
    return with_axes(n, x, (first, c, (*h, *p), (*w, *q)))


@rule("SpaceToDepth", "as, transpose")
def space_to_depth(n: RuleContext) -> GraphValue:
    """Pixels become channels: [n, c, h b, w b] to [n, b b c, h, w].

    Raises `DataError` where operands do not fit.
    """
    x, b = n.value(), n.attr("blocksize")
    sizes = x.sizes()
    if x.rank != 4 or size_of(x.axes[2]) % b or size_of(x.axes[3]) % b:
        raise DataError(f"pixels are not blocks of {b}x{b}")
    h, w = size_of(x.axes[2]), size_of(x.axes[3])
    x, axes = target_axes(x, [sizes[0], sizes[1], h // b, b, w // b, b])
    first, c, top, p, left, q = axes
    crd = n.attr("mode", "DCR") == "CRD"
    return with_axes(n, x, (first, (*c, *p, *q) if crd else (*p, *q, *c), top, left))


__all__ = ["Atom", "rearrange", "reshape"]
