"""What `Conv` and `ConvTranspose` have in common: an image, filters in groups, and a bias.

Either is a layer of the prelude if its filters are learnt and it has two spatial axes; else a
contraction over taps and channels, of any rank.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.atoms import Axes, axis_of, is_free, size_of
from gradc_runtime.onnx.importer.expression import Expr, Weights, call, pipe, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.images import PLACES, TAPS, bias_of
from gradc_runtime.onnx.importer.rule import RuleContext
from gradc_runtime.onnx.importer.windows import Window, pair_text, position


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolutionNode:
    """One node: `expr` is the image as [lead..., spatial..., channels], W the filters."""

    n: RuleContext
    expr: Expr
    lead: Axes  # the slots before the spatial ones: of examples that the graph itself has
    windows: Sequence[Window]
    groups: int
    filters: int  # of all groups together
    axes: Axes  # of the result, as ONNX has them
    slots: Axes  # of the result

    @property
    def channels(self) -> int:
        """The channels of the image."""
        return size_of(self.n.value(0).axes[1])

    def as_layer(self, name: str, text: str, order: Sequence[int]) -> GraphValue | None:
        """The prelude's layer `text`, whose W has ONNX's axes in this order.

        None if the filters, or the bias, are computed or belong to several nodes.
        """
        W = self.n.value(1).own_array(4)
        bias = None if W is None else bias_of(self.n, 2, self.filters, W)
        if W is None or bias is None:
            return None
        weights = Weights(name, {"W": W.transpose(order), "b": bias}, (self.n.value(1).name,))
        return self.n.made(pipe(self.expr, text, weights), self.axes, self.slots)

    def as_contraction(
        self, written: str, reads: str, filters: str, weights: Expr, by_group: list[int]
    ) -> GraphValue:
        """The sum over taps and channels, and the bias.

        `written` and `reads` are positions in the result and the image, `filters` the indices of
        a filter behind its group; `by_group` is the shape of the weights with groups in front.
        """
        image, groups, whole = self.expr, self.groups, examples_within(self.n)
        if groups > 1:
            sizes = [w.size for w in self.windows]
            image = in_shape_of(image, [*whole, *sizes, groups, self.channels // groups])
            weights = in_shape_of(weights, by_group)
        group, front = ("g, " if groups > 1 else ""), ("n, " if whole else "")
        text = (
            f"contract({front}{written}, {group}f : {{}}[{front}{reads}, {group}k]"
            f" * {{}}[{group}{filters}])"
        )
        found = Expr(text, (image, weights), 9, (9, 9))
        if groups > 1:
            found = in_shape_of(found, [*whole, *(w.count for w in self.windows), self.filters])
        return self.n.made(with_bias(self.n, found), self.axes, self.slots)

    def positions(self, *, bounded: bool) -> str:
        """Where each tap of each window lies; `bounded` says below which place of a result."""
        return ", ".join(
            position(w, PLACES[k], TAPS[k]) + (f" < {w.count}" if bounded else "")
            for k, w in enumerate(self.windows)
        )

    def places(self, *, bounded: bool) -> str:
        """The place of each window; `bounded` says how many places there are."""
        return ", ".join(
            PLACES[k] + (f" < {w.count}" if bounded else "") for k, w in enumerate(self.windows)
        )

    @property
    def taps(self) -> str:
        """The indices of the taps."""
        return ", ".join(TAPS[: len(self.windows)])


def convolution(
    n: RuleContext, x: tuple[Expr, Axes], windows: Sequence[Window], filters: int
) -> ConvolutionNode:
    """A node that puts windows over an image, which is given with its slots."""
    expr, slots = x
    lead = slots[: -len(windows) - 1]
    counts, out = [axis_of(w.count) for w in windows], axis_of(filters)
    return ConvolutionNode(
        n=n, expr=expr, lead=lead, windows=windows, groups=n.attr("group", 1), filters=filters,
        axes=(n.value(0).axes[0], out, *counts), slots=(*lead, *counts, out),
    )  # fmt: skip


def setting(name: str, windows: Sequence[Window]) -> str:
    """A setting as text, such as `, stride = 2`, for two axes; empty where both have 1."""
    first, second = (getattr(w, name) for w in windows)
    return "" if first == second == 1 else f", {name} = {pair_text(first, second)}"


def with_bias(n: RuleContext, found: Expr) -> Expr:
    """The expression with the bias of each filter added, where the node has a bias."""
    return found + n.expr(n.value(2), (n.value(2).axes[0],)) if n.has(2) else found


def examples_within(n: RuleContext) -> list[int]:
    """The size of the first axis, where it is one of the example itself."""
    axis = n.value(0).axes[0]
    return [size_of(axis)] if axis and not is_free(axis) else []


def in_shape_of(expr: Expr, shape: list[int]) -> Expr:
    """The expression reshaped to this shape."""
    return call("reshape", expr, Expr(shape_text(shape)))
