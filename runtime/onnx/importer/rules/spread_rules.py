"""The transpose of a convolution: every number is spread over a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_runtime.onnx.importer.atoms import axis_of, size_of
from gradc_runtime.onnx.importer.expression import Expr, Weights, pipe
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.images import PLACES, TAPS, bias_of, image
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.rules.conv_rules import examples_within, in_shape_of, with_bias
from gradc_runtime.onnx.importer.rules.product_rules import is_layer
from gradc_runtime.onnx.importer.windows import (
    Window,
    pad_text,
    pair_text,
    position,
)
from gradc_runtime.system.errors import DataError


@rule("ConvTranspose", "conv_transpose; a contraction in other ranks")
def conv_transpose(n: RuleContext) -> GraphValue:
    """The transpose of a convolution: every number spread over a window.

    Raises `DataError` where operands do not fit.
    """
    x, W = n.value(0), n.value(1)
    expr, slots, spatial = image(n, x)
    windows, groups = spread_windows(n, x, W, spatial), n.attr("group", 1)
    filters = size_of(W.axes[1]) * groups
    new, out = [axis_of(w.count) for w in windows], axis_of(filters)
    lead = slots[: len(slots) - len(spatial) - 1]
    lying, axes = (*lead, *new, out), (x.axes[0], out, *new)
    bias = None if W.array is None else bias_of(n, 2, filters, W.array)
    square = len(spatial) == 2 and not lead and groups == 1 and fits_prelude(windows)
    if square and is_layer(W, 4) and not W.shared and bias is not None and W.array is not None:
        arrays = {"W": W.array.transpose(1, 2, 3, 0), "b": bias}
        weights = Weights("conv_transpose", arrays, (W.name,))
        return n.made(pipe(expr, transposed_layer(filters, windows), weights), axes, lying)
    return n.made(with_bias(n, spread(n, expr, W, windows, groups)), axes, lying)


def spread_windows(
    n: RuleContext, x: GraphValue, W: GraphValue, spatial: Sequence[int]
) -> list[Window]:
    """The windows of filters that fit the image.

    Raises `DataError` where they do not.
    """
    groups, kernel = n.attr("group", 1), [size_of(a) for a in W.axes[2:]]
    channels = size_of(W.axes[0])
    fits = channels == size_of(x.axes[1]) and groups > 0 and channels % groups == 0
    if not fits or len(kernel) != len(spatial):
        raise DataError("filters and channels do not fit")
    return [spread_window(n, k, spatial[k], kernel[k], len(spatial)) for k in range(len(spatial))]


def spread_window(n: RuleContext, k: int, size: int, reach: int, rank: int) -> Window:
    """The window of one axis, whose places are those of the input.

    Raises `DataError` where nothing is left.
    """
    stride, dilation = n.attr("strides", [1] * rank)[k], n.attr("dilations", [1] * rank)[k]
    pads = n.attr("pads", [0] * (2 * rank))
    before, after = pads[k], pads[rank + k]
    extra = n.attr("output_padding", [0] * rank)[k]
    whole = (size - 1) * stride + (reach - 1) * dilation + 1 + extra
    given, auto = n.attr("output_shape"), n.attr("auto_pad", "NOTSET")
    if given is not None or auto.startswith("SAME"):
        wanted = given[-rank:][k] if given is not None else size * stride
        around = whole - wanted
        before = around // 2 if auto == "SAME_UPPER" else around - around // 2
        after = around - before
    count = whole - before - after
    if count < 1:
        raise DataError("nothing is left of the image")
    return Window(size=size, reach=reach, stride=stride, dilation=dilation,
                  before=before, after=after - extra, count=count)  # fmt: skip


def fits_prelude(windows: Sequence[Window]) -> bool:
    """Whether the prelude's layer says it: zeros taken off are 0 or more."""
    return all(w.before >= 0 and max(w.after, 0) >= 0 for w in windows)


def transposed_layer(filters: int, windows: Sequence[Window]) -> str:
    """`conv_transpose(8, 2x2, stride = 2, pad = valid)`."""
    y, x = windows
    cut = [replace_after(w) for w in windows]
    text = f"conv_transpose({filters}, {y.reach}x{x.reach}"
    if (y.stride, x.stride) != (1, 1):
        text += f", stride = {pair_text(y.stride, x.stride)}"
    text += f", pad = {pad_text(cut)}"
    if (y.dilation, x.dilation) != (1, 1):
        text += f", dilation = {pair_text(y.dilation, x.dilation)}"
    extra = [max(-w.after, 0) for w in windows]
    return text + (f", extra = {pair_text(*extra)})" if any(extra) else ")")


def replace_after(w: Window) -> Window:
    """A window whose cut behind is not below 0: what is missing is `extra`."""
    return replace(w, after=max(w.after, 0))


def spread(
    n: RuleContext, expr: Expr, W: GraphValue, windows: Sequence[Window], groups: int
) -> Expr:
    """The sum in any rank: the positions that are written are affine, those read are plain."""
    weights = n.expr(W, (W.axes[0], *W.axes[1:]))
    channels, share = size_of(W.axes[0]), size_of(W.axes[1])
    whole, each = examples_within(n), channels // groups
    if groups > 1:
        expr = in_shape_of(expr, [*whole, *(w.size for w in windows), groups, each])
        weights = in_shape_of(weights, [groups, each, share, *(w.reach for w in windows)])
    group, front = ("g, " if groups > 1 else ""), ("n, " if whole else "")
    written = ", ".join(
        f"{position(w, PLACES[k], TAPS[k])} < {w.count}" for k, w in enumerate(windows)
    )
    places, taps = ", ".join(PLACES[: len(windows)]), ", ".join(TAPS[: len(windows)])
    text = (
        f"contract({front}{written}, {group}f : {{}}[{front}{places}, {group}k]"
        f" * {{}}[{group}k, f, {taps}])"
    )
    found = Expr(text, (expr, weights), 9, (9, 9))
    counts = [w.count for w in windows]
    return in_shape_of(found, [*whole, *counts, groups * share]) if groups > 1 else found
