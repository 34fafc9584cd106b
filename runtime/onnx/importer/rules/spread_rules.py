"""The transpose of a convolution: every number is spread over a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_runtime.onnx.importer.atoms import size_of
from gradc_runtime.onnx.importer.convolution import ConvolutionNode, convolution, setting
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.images import image
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.windows import Window, pad_text, pair_text
from gradc_runtime.system.errors import DataError


@rule("ConvTranspose", "conv_transpose; a contraction in other ranks")
def conv_transpose(n: RuleContext) -> GraphValue:
    """The transpose of a convolution: every number spread over a window.

    Raises `DataError` where operands do not fit.
    """
    x, W, groups = n.value(0), n.value(1), n.attr("group", 1)
    expr, slots, spatial = image(n, x)
    windows = spread_windows(n, x, W, spatial)
    found = convolution(n, (expr, slots), windows, size_of(W.axes[1]) * groups)
    layer = None
    if len(spatial) == 2 and not found.lead and groups == 1 and fits_prelude(windows):
        layer = found.as_layer("conv_transpose", transposed_layer(found), (1, 2, 3, 0))
    return layer or spread(found)


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
    """Whether the prelude's layer says it: it takes off zeros in front, never adds some."""
    return all(w.before >= 0 for w in windows)


def transposed_layer(c: ConvolutionNode) -> str:
    """`conv_transpose(8, 2x2, stride = 2, pad = valid)`."""
    y, x = c.windows
    cut = [replace(w, after=max(w.after, 0)) for w in c.windows]
    extra = [max(-w.after, 0) for w in c.windows]  # what is missing behind
    text = f"conv_transpose({c.filters}, {y.reach}x{x.reach}{setting('stride', c.windows)}"
    text += f", pad = {pad_text(cut)}{setting('dilation', c.windows)}"
    return text + (f", extra = {pair_text(*extra)})" if any(extra) else ")")


def spread(c: ConvolutionNode) -> GraphValue:
    """The sum in any rank: each place of the image adds to a window of the result."""
    weights, share = c.n.expr(c.n.value(1), c.n.value(1).axes), c.filters // c.groups
    by_group = [c.groups, c.channels // c.groups, share, *(w.reach for w in c.windows)]
    return c.as_contraction(
        c.positions(bounded=True), c.places(bounded=False), f"k, f, {c.taps}", weights, by_group
    )
