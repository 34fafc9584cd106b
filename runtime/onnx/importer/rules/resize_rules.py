"""`Resize` and `Upsample`: along each axis a choice of places, or a sum with known weights.

An axis that only repeats its places is written as such; other nearest ones take places by label;
linear and cubic ones are a product with a table that is worked out here (Keys, 1981).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.arrange import place_of
from gradc_runtime.onnx.importer.atoms import axis_of, is_free, size_of
from gradc_runtime.onnx.importer.expression import Expr
from gradc_runtime.onnx.importer.graph_value import GraphValue, of_array
from gradc_runtime.onnx.importer.interpolation import Scaling, nearest_places, weight_table
from gradc_runtime.onnx.importer.known_values import bounded
from gradc_runtime.onnx.importer.moving import LETTERS, along, repeated, with_axis
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.system.errors import DataError


@rule("Resize", "repeated places, take, contract with a table")
def resize(n: RuleContext) -> GraphValue:
    """An image in another size."""
    x = n.value()
    axes = [n.axis(x, a) for a in (n.attr("axes") or range(x.rank))]
    scales, sizes, roi = operands(n)
    wanted = targets(n, x, axes, scales, sizes)
    for k, axis in enumerate(axes):
        size = size_of(x.axes[axis])
        if is_free(x.axes[axis]):
            if wanted[k][1] != 1:
                n.require_own(x, axis)
            continue
        bounds = (roi[k], roi[len(axes) + k]) if roi is not None and len(roi) else (0.0, 1.0)
        x = resized_axis(n, x, axis, Scaling.of(n, size, *wanted[k], bounds))
    return n.same(x)


def operands(n: RuleContext) -> tuple[Any, Any, Any]:
    """Scales, sizes and the region, wherever the version has them."""
    if n.opset < 11:
        return n.array(1).reshape(-1).tolist(), None, None
    roi = n.array(1).reshape(-1).tolist() if n.has(1) else None
    scales = n.array(2).reshape(-1).tolist() if n.has(2) else None
    sizes = n.integers(3) if n.has(3) else None
    return scales or None, sizes, roi


def targets(
    n: RuleContext, x: GraphValue, axes: list[int], scales: Any, sizes: Any
) -> list[tuple[int, float]]:
    """The new size and the scale of each axis.

    Raises `DataError` where neither is given.
    """
    own = [1 if is_free(x.axes[a]) else size_of(x.axes[a]) for a in axes]
    if sizes is not None:
        found = [1 if not isinstance(s, int) else s for s in sizes]
        ratios = [s / o for s, o in zip(found, own, strict=True)]
        policy = n.attr("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            ratio = min(ratios) if policy == "not_larger" else max(ratios)
            ratios = [ratio] * len(own)
            found = [int(np.floor(ratio * o + 0.5)) for o in own]
        return [(bounded([s])[0], r) for s, r in zip(found, ratios, strict=True)]
    if scales is None or len(scales) != len(axes):
        raise DataError("neither scales nor sizes for every axis")
    return [(bounded([int(np.floor(o * s))])[0], s) for o, s in zip(own, scales, strict=True)]


def resized_axis(n: RuleContext, x: GraphValue, axis: int, how: Scaling) -> GraphValue:
    """One axis in another size."""
    if how.is_nothing():
        return x
    if how.mode == "nearest":
        places = nearest_places(how)
        times = how.count // max(how.size, 1)
        even = bool(times) and places == [k // times for k in range(how.count)]
        if even and x.axes[axis]:
            return repeated(n, x, axis, times, each=True)
        if not how.outside():
            return along(n, x, axis, places)
    table = weight_table(how)
    expr, slots = n.opened(x)
    k = place_of(x.axes, axis, slots)
    new = axis_of(how.count)
    names = list(LETTERS[: len(slots)])
    written = ", ".join("z" if j == k else name for j, name in enumerate(names))
    known = of_array("weights", table.astype(np.float32))
    weights = n.stored.small(table) if n.stored.inline else n.stored(known, known.axes)
    text = f"contract({written} : {{}}[z, {names[k]}] * {{}}[{', '.join(names)}])"
    found = Expr(text, (weights, expr), 9, (9, 9))
    if how.outside():
        found = filled_outside(n, found, how, k, len(slots))
    return n.made(found, with_axis(x.axes, axis, [new]), (*slots[:k], new, *slots[k + 1 :]))


def filled_outside(n: RuleContext, found: Expr, how: Scaling, k: int, rank: int) -> Expr:
    """The value that stands for what lies outside of the region."""
    mask = how.outside_mask().reshape([-1, *[1] * (rank - k - 1)])
    from gradc_runtime.onnx.importer.expression import call, number

    return call(
        "where", n.stored.small(mask.astype(np.float32)), number(np.float32(how.fill)), found
    )


@rule("Upsample", "repeated places, contract with a table")
def upsample(n: RuleContext) -> GraphValue:
    """The older name, by scales, from places that are not moved by half a pixel.

    Raises `DataError` where operands do not fit.
    """
    x = n.value()
    scales = n.array(1).reshape(-1).tolist() if n.has(1) else n.attr("scales")
    if scales is None or len(scales) != x.rank:
        raise DataError("a scale for every axis is wanted")
    if min(scales, default=1) < 1:
        raise DataError(f"scales {scales} make it smaller")
    for axis, scale in enumerate(scales):
        size = size_of(x.axes[axis])
        if is_free(x.axes[axis]):
            continue
        mode = "nearest" if n.attr("mode", "nearest") == "nearest" else "linear"
        count = bounded([int(np.floor(size * scale))])[0]
        how = Scaling(size=size, count=count, scale=scale, mode=mode, rounding="floor",
                      coordinates="asymmetric")  # fmt: skip
        x = resized_axis(n, x, axis, how)
    return n.same(x)
