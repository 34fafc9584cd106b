"""Numbers put around a tensor, or cut off it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.arrange import place_of
from gradc_runtime.onnx.importer.atoms import axis_of, size_of, sizes
from gradc_runtime.onnx.importer.expression import Expr, call, number
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.known_values import bounded
from gradc_runtime.onnx.importer.moving import along
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.system.errors import DataError


@rule("Pad", "pad; take for edge, reflect and wrap")
def pad(n: RuleContext) -> GraphValue:
    """Numbers put around: a constant, or those of the tensor itself."""
    x = n.value()
    given = n.integers(1, "pads", [])
    axes = n.integers(3) if n.has(3) else list(range(x.rank))
    half = len(given) // 2
    mode = n.attr("mode", "constant")
    value = n.array(2).reshape(()) if n.has(2) else n.attr("value", 0.0)
    around = {n.axis(x, a): (given[k], given[half + k]) for k, a in enumerate(axes)}
    for k, (before, after) in around.items():
        if before or after:
            n.require_own(x, k)
    if mode != "constant":
        for k, (before, after) in around.items():
            x = along(n, x, k, wrapped_places(size_of(x.axes[k]), before, after, mode))
        return n.same(x)
    for k, (before, after) in around.items():
        size = size_of(x.axes[k])
        x = along(n, x, k, range(size)[max(-before, 0) : size - max(-after, 0)])
    return padded(n, x, {k: (max(b, 0), max(a, 0)) for k, (b, a) in around.items()}, value)


def wrapped_places(size: int, before: int, after: int, mode: str) -> list[int]:
    """The places of a padded axis.

    Raises `DataError` where operands do not fit.
    """
    modes = {"edge": "edge", "reflect": "reflect", "wrap": "wrap"}
    if mode not in modes:
        raise DataError(f"there is no padding `{mode}`")
    front, back = max(before, 0), max(after, 0)
    bounded([size + front + back])
    places = np.pad(np.arange(size), (front, back), mode=modes[mode])  # type: ignore[call-overload]
    return [int(p) for p in places[max(-before, 0) : len(places) - max(-after, 0)]]


def padded(
    n: RuleContext, x: GraphValue, around: dict[int, tuple[int, int]], value: Any
) -> GraphValue:
    """x with a number around it."""
    if not any(b or a for b, a in around.values()):
        return n.same(x)
    expr, slots = n.opened(x)
    before, after = [0] * len(slots), [0] * len(slots)
    axes, lying = list(x.axes), list(slots)
    for k, (front, back) in around.items():
        if front or back:
            place = place_of(x.axes, k, slots)
            before[place], after[place] = front, back
            axes[k] = lying[place] = axis_of(size_of(x.axes[k]) + front + back)
    ends = [Expr(f"[{', '.join(map(str, e))}]") for e in (before, after)]
    found = call("pad", expr, *ends)
    if value != 0:
        inside = call("pad", call("ones", Expr(f"[{', '.join(map(str, sizes(slots)))}]")), *ends)
        found = call("where", inside, found, number(np.asarray(value)))
    return n.made(found, tuple(axes), tuple(lying))


@rule("CenterCropPad", "x[a:b], pad")
def center_crop_pad(n: RuleContext) -> GraphValue:
    """Axes cut or padded around their middle."""
    x = n.value()
    shape = n.integers(1)
    axes = n.attr("axes") or list(range(x.rank))
    around = {}
    for axis, wanted in zip(axes, shape, strict=True):
        k = n.axis(x, axis)
        size = size_of(x.axes[k])
        if wanted < size:
            begin = (size - wanted) // 2
            x = along(n, x, k, range(begin, begin + wanted))
        elif wanted > size:
            n.require_own(x, k)
            around[k] = ((wanted - size) // 2, wanted - size - (wanted - size) // 2)
    return padded(n, x, around, 0)
