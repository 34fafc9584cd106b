"""Pooling: the prelude's layers where they fit, else windows written out, of any rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.atoms import Axes, axis_of
from gradc_runtime.onnx.importer.expression import Expr, call, list_text, pipe, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.images import PLACES, TAPS, image
from gradc_runtime.onnx.importer.known_values import bounded
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.windows import (
    Window,
    pad_text,
    pair_text,
    position,
    windows_of,
)
from gradc_runtime.system.errors import DataError


@rule("MaxPool", "max_pool; max of windows in other ranks")
def max_pool(n: RuleContext) -> GraphValue:
    """The greatest number of each window.

    Raises `DataError` where the places of the greatest are asked for.
    """
    if len(n.outputs) > 1 and n.outputs[1]:
        raise DataError("the places of the greatest numbers are not given")
    x = n.value()
    expr, slots, spatial = image(n, x)
    windows = windows_of(n, spatial, n.attr("kernel_shape"))
    lying, axes = pooled_axes(x, slots, windows)
    if in_prelude(windows, lying):
        return n.made(pipe(expr, pool_layer("max_pool", windows)), axes, lying)
    return n.made(greatest(expr, slots, windows), axes, lying)


def pooled_axes(x: GraphValue, slots: Axes, windows: Sequence[Window]) -> tuple[Axes, Axes]:
    """The slots and axes of the result of pooling."""
    new = [axis_of(w.count) for w in windows]
    lead = slots[: len(slots) - len(windows) - 1]
    return (*lead, *new, x.axes[1]), (*x.axes[:2], *new)


def in_prelude(windows: Sequence[Window], lying: Axes) -> bool:
    """Whether the prelude has the layer: two axes, and every window meets the image."""
    return len(windows) == 2 and len(lying) == 3 and all(
        w.dilation == 1 and 0 <= w.before < w.reach and w.after >= 0
        and (w.count - 1) * w.stride - w.before < w.size
        and (w.size + w.before + w.after - w.reach) // w.stride + 1 == w.count
        for w in windows
    )  # fmt: skip


def pool_layer(name: str, windows: Sequence[Window]) -> str:
    """The layer as text, such as `max_pool(2x2)`, with strides and zeros where needed."""
    y, x = windows
    text = f"{name}({y.reach}x{x.reach}"
    if (y.stride, x.stride) != (y.reach, x.reach):
        text += f", stride = {pair_text(y.stride, x.stride)}"
    return text + (f", pad = {pad_text(windows)})" if pad_text(windows) != "valid" else ")")


def looked_at(windows: Sequence[Window], lead: int) -> tuple[str, str]:
    """The head of a contraction over windows, and where it reads."""
    front = "n, " if lead else ""
    places = ", ".join(f"{PLACES[k]} < {w.count}" for k, w in enumerate(windows))
    taps = ", ".join(f"{TAPS[k]} < {w.reach}" for k, w in enumerate(windows))
    reads = ", ".join(position(w, PLACES[k], TAPS[k]) for k, w in enumerate(windows))
    return f"{front}{places}, {taps}, k", f"{front}{reads}, k"


def greatest(expr: Expr, slots: Axes, windows: Sequence[Window]) -> Expr:
    """The greatest of each window in any rank; what lies outside of the image does not count."""
    lead = len(slots) - len(windows) - 1
    head, reads = looked_at(windows, lead)
    seen = Expr(f"contract({head} : {{}}[{reads}])", (expr,), 9, (9,))
    if any(w.before or w.after > 0 for w in windows):
        ones = call("ones", Expr(shape_text([1] * lead + [w.size for w in windows] + [1])))
        if lead:
            ones = call("ones", Expr(shape_text([w.size for w in windows] + [1])))
        head, reads = looked_at(windows, 0)
        inside = Expr(f"contract({head} : {{}}[{reads}])", (ones,), 9, (9,))
        seen = call("where", inside, seen, Expr("log(zeros([]))"))
    axes = [lead + len(windows) + k for k in range(len(windows))]
    return call("max", seen, axis=list_text(axes))


@rule("AveragePool", "avg_pool; a mean of windows in other ranks")
def average_pool(n: RuleContext) -> GraphValue:
    """The mean of each window, of the image alone or of the zeros around it too."""
    x = n.value()
    expr, slots, spatial = image(n, x)
    windows = windows_of(n, spatial, n.attr("kernel_shape"))
    lying, axes = pooled_axes(x, slots, windows)
    counted = n.attr("count_include_pad", 0)
    padded = any(w.before or w.after > 0 for w in windows)
    if in_prelude(windows, lying) and (not counted or not padded):
        return n.made(pipe(expr, pool_layer("avg_pool", windows)), axes, lying)
    total = window_sum(expr, windows, len(slots) - len(windows) - 1)
    counts = [window_counts(n, w, k, bool(counted)) for k, w in enumerate(windows)]
    table = counts[0]
    for more in counts[1:]:
        table = np.multiply.outer(table, more)
    if (table == table.flat[0]).all():
        return n.made(total / int(table.flat[0]), axes, lying)
    return n.made(total / n.stored.small(table.reshape(*table.shape, 1)), axes, lying)


def window_sum(expr: Expr, windows: Sequence[Window], lead: int) -> Expr:
    """The sum of each window."""
    front = "n, " if lead else ""
    places = ", ".join(f"{PLACES[k]} < {w.count}" for k, w in enumerate(windows))
    reads = ", ".join(position(w, PLACES[k], TAPS[k]) for k, w in enumerate(windows))
    taps = ", ".join(TAPS[: len(windows)])
    ones = call("ones", Expr(shape_text([w.reach for w in windows])))
    text = f"contract({front}{places}, k : {{}}[{front}{reads}, k] * {{}}[{taps}])"
    return Expr(text, (expr, ones), 9, (9, 9))


def window_counts(n: RuleContext, w: Window, k: int, counted: bool) -> Any:
    """How many numbers each window along an axis has: of the image, or of the padded one."""
    pads = n.attr("pads", [])
    half = len(pads) // 2
    same = n.attr("auto_pad", "NOTSET").startswith("SAME")
    after = pads[half + k] if pads else max(w.after, 0) if same else 0
    low, high = (-w.before, w.size + after) if counted else (0, w.size)
    bounded([w.count, w.reach])
    reads = np.arange(w.count)[:, None] * w.stride - w.before + np.arange(w.reach) * w.dilation
    return ((reads >= low) & (reads < high)).sum(1).astype(np.float32)


@rule("LpPool", "the root of a sum of powers")
def lp_pool(n: RuleContext) -> GraphValue:
    """The p-norm of each window."""
    x, p = n.value(), n.attr("p", 2)
    expr, slots, spatial = image(n, x)
    windows = windows_of(n, spatial, n.attr("kernel_shape"))
    lying, axes = pooled_axes(x, slots, windows)
    power = expr * expr if p == 2 else call("abs", expr) if p == 1 else call("abs", expr) ** p
    total = window_sum(power, windows, len(slots) - len(windows) - 1)
    root = call("sqrt", total) if p == 2 else total if p == 1 else total ** Expr(f"(1 / {p})")
    return n.made(root, axes, lying)


@rule("GlobalAveragePool GlobalMaxPool GlobalLpPool", "mean, max over the pixels")
def global_pool(n: RuleContext) -> GraphValue:
    """Global pooling, which gives one number for each channel."""
    x = n.value()
    expr, slots, spatial = image(n, x)
    lead = len(slots) - len(spatial) - 1
    axes = list_text([lead + k for k in range(len(spatial))])
    if n.op == "GlobalLpPool":
        p = n.attr("p", 2)
        found = call("sum", call("abs", expr) ** p, axis=axes) ** Expr(f"(1 / {p})")
    else:
        found = call("mean" if n.op == "GlobalAveragePool" else "max", expr, axis=axes)
    result = (*x.axes[:2], *[()] * len(spatial))
    return n.made(found, result, (*slots[:lead], slots[-1]))
