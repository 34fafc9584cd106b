"""Convolutions: the prelude's layer on images, else contractions of any rank."""

from __future__ import annotations

from collections.abc import Sequence

from gradc_runtime.onnx.importer.atoms import size_of
from gradc_runtime.onnx.importer.convolution import ConvolutionNode, convolution, setting
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.images import image
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.windows import Window, pad_text, windows_of
from gradc_runtime.system.errors import DataError


@rule("Conv", "conv; a contraction in other ranks")
def conv(n: RuleContext) -> GraphValue:
    """Windows over an image times filters.

    Raises `DataError` where operands do not fit.
    """
    x, W = n.value(0), n.value(1)
    expr, slots, spatial = image(n, x)
    windows = conv_windows(n, x, W, spatial)
    found = convolution(n, (expr, slots), windows, size_of(W.axes[0]))
    layer = None
    if len(spatial) == 2 and not found.lead and min(w.before for w in windows) >= 0:
        layer = found.as_layer("conv", conv_layer(found), (0, 2, 3, 1))
    return layer or contracted(found)


def conv_windows(
    n: RuleContext, x: GraphValue, W: GraphValue, spatial: Sequence[int]
) -> list[Window]:
    """The windows of filters that fit the image.

    Raises `DataError` where the filters do not fit the image.
    """
    kernel, groups = [size_of(a) for a in W.axes[2:]], n.attr("group", 1)
    channels, filters = size_of(x.axes[1]), size_of(W.axes[0])
    fits = groups > 0 and channels % groups == 0 and filters % groups == 0
    given = list(n.attr("kernel_shape", kernel))
    if not fits or size_of(W.axes[1]) * groups != channels or given != kernel:
        raise DataError(f"filters {[size_of(a) for a in W.axes]} do not fit {channels} channels")
    return windows_of(n, spatial, kernel)


def conv_layer(c: ConvolutionNode) -> str:
    """The layer as text, such as `conv(8, 3x3, stride = 2, pad = 1)`."""
    y, x = c.windows
    text = f"conv({c.filters}, {y.reach}x{x.reach}{setting('stride', c.windows)}"
    text += f", pad = {pad_text(c.windows)}{setting('dilation', c.windows)}"
    return text + (f", groups = {c.groups})" if c.groups != 1 else ")")


def contracted(c: ConvolutionNode) -> GraphValue:
    """A convolution as a sum of any rank: each place of the result reads a window of the image."""
    W = c.n.value(1)
    weights = c.n.expr(W, (W.axes[0], *W.axes[2:], W.axes[1]))
    reach = [w.reach for w in c.windows]
    by_group = [c.groups, c.filters // c.groups, *reach, c.channels // c.groups]
    return c.as_contraction(
        c.places(bounded=True), c.positions(bounded=False), f"f, {c.taps}, k", weights, by_group
    )
