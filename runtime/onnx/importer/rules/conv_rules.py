"""Convolutions: the prelude's layer on images, else contractions of any rank."""

from __future__ import annotations

from collections.abc import Sequence

from gradc_runtime.onnx.importer.atoms import axis_of, is_free, size_of
from gradc_runtime.onnx.importer.expression import Expr, Weights, call, pipe, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.images import PLACES, TAPS, bias_of, image
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.rules.product_rules import is_layer
from gradc_runtime.onnx.importer.windows import (
    Window,
    pad_text,
    pair_text,
    position,
    windows_of,
)
from gradc_runtime.system.errors import DataError


@rule("Conv", "conv; a contraction in other ranks")
def conv(n: RuleContext) -> GraphValue:
    """Windows over an image times filters.

    Raises `DataError` where operands do not fit.
    """
    x, W = n.value(0), n.value(1)
    expr, slots, spatial = image(n, x)
    windows, groups = conv_windows(n, x, W, spatial), n.attr("group", 1)
    new, out = [axis_of(w.count) for w in windows], axis_of(size_of(W.axes[0]))
    lying = (*slots[: len(slots) - len(spatial) - 1], *new, out)
    axes = (x.axes[0], out, *new)
    bias = None if W.array is None else bias_of(n, 2, len(W.array), W.array)
    plain = len(spatial) == 2 and len(lying) == 3 and min(w.before for w in windows) >= 0
    if plain and is_layer(W, 4) and not W.shared and W.array is not None and bias is not None:
        layer = conv_layer("conv", len(W.array), windows, groups)
        weights = Weights("conv", {"W": W.array.transpose(0, 2, 3, 1), "b": bias}, (W.name,))
        return n.made(pipe(expr, layer, weights), axes, lying)
    found = contracted(n, expr, W, windows, (size_of(x.axes[1]), groups))
    return n.made(with_bias(n, found), axes, lying)


def conv_windows(
    n: RuleContext, x: GraphValue, W: GraphValue, spatial: Sequence[int]
) -> list[Window]:
    """The windows of filters that fit the image.

    Raises `DataError` where they do not.
    """
    kernel, groups = [size_of(a) for a in W.axes[2:]], n.attr("group", 1)
    channels, filters = size_of(x.axes[1]), size_of(W.axes[0])
    fits = groups > 0 and channels % groups == 0 and filters % groups == 0
    given = list(n.attr("kernel_shape", kernel))
    if not fits or size_of(W.axes[1]) * groups != channels or given != kernel:
        raise DataError(f"filters {[size_of(a) for a in W.axes]} do not fit {channels} channels")
    return windows_of(n, spatial, kernel)


def with_bias(n: RuleContext, found: Expr) -> Expr:
    """A number for each filter added, where there is one."""
    return found + n.expr(n.value(2), (n.value(2).axes[0],)) if n.has(2) else found


def conv_layer(name: str, filters: int, windows: Sequence[Window], groups: int) -> str:
    """`conv(8, 3x3, stride = 2, pad = 1)`."""
    y, x = windows
    text = f"{name}({filters}, {y.reach}x{x.reach}"
    if (y.stride, x.stride) != (1, 1):
        text += f", stride = {pair_text(y.stride, x.stride)}"
    text += f", pad = {pad_text(windows)}"
    if (y.dilation, x.dilation) != (1, 1):
        text += f", dilation = {pair_text(y.dilation, x.dilation)}"
    return text + (f", groups = {groups})" if groups != 1 else ")")


def contracted(
    n: RuleContext, expr: Expr, W: GraphValue, windows: Sequence[Window], of: tuple[int, int]
) -> Expr:
    """A convolution as a sum over taps and channels, of any rank, each group by itself."""
    channels, groups = of
    weights = n.expr(W, (W.axes[0], *W.axes[2:], W.axes[1]))
    filters, whole = size_of(W.axes[0]), examples_within(n)
    share = channels // groups
    if groups > 1:
        expr = in_shape_of(expr, [*whole, *(w.size for w in windows), groups, share])
        reach = [w.reach for w in windows]
        weights = in_shape_of(weights, [groups, filters // groups, *reach, share])
    group, front = ("g, " if groups > 1 else ""), ("n, " if whole else "")
    written = ", ".join(f"{PLACES[k]} < {w.count}" for k, w in enumerate(windows))
    reads = ", ".join(position(w, PLACES[k], TAPS[k]) for k, w in enumerate(windows))
    taps = ", ".join(TAPS[: len(windows)])
    text = (
        f"contract({front}{written}, {group}f : {{}}[{front}{reads}, {group}k]"
        f" * {{}}[{group}f, {taps}, k])"
    )
    found = Expr(text, (expr, weights), 9, (9, 9))
    if groups > 1:
        found = in_shape_of(found, [*whole, *(w.count for w in windows), filters])
    return found


def examples_within(n: RuleContext) -> list[int]:
    """The size of the first axis, where it is one of the example itself."""
    axis = n.value(0).axes[0]
    return [size_of(axis)] if axis and not is_free(axis) else []


def in_shape_of(expr: Expr, shape: list[int]) -> Expr:
    """The same numbers in this shape."""
    return call("reshape", expr, Expr(shape_text(shape)))
