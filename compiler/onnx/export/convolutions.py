"""Contractions that are convolutions or their transposes, as ONNX has them.

The language has channels last, [h, w, c] and filters [f, kh, kw, c]; ONNX has them first.  The
runtime that loads the file cancels transpositions between layers, and transposes weights once.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.export.onnx_tensors import Tensor, real
from gradc_compiler.onnx.export.window_roles import Windows, is_plain, windows_of
from gradc_compiler.ops.contract import Affine, Contract, Map
from gradc_compiler.records.fast_dataclass import dataclass

Keys = Sequence[int | None]


def convolved(
    writer: GraphWriter, op: Contract, xs: Sequence[Tensor], bias: str
) -> tuple[str, bool] | None:
    """A contraction as `Conv` or `ConvTranspose`, and whether the bias along the last axis is
    already added; None where the contraction is neither.
    """
    if len(xs) != 2:
        return None
    for image, kernel in ((0, 1), (1, 0)):
        x, weights = (xs[image], op.operands[image]), (xs[kernel], op.operands[kernel])
        if xs[image].lead != 1 or xs[kernel].lead or not is_plain(op, weights[1], xs[kernel].shape):
            continue
        forward = windows_of(op, x[1], weights[1], op.result)
        if forward is not None and is_plain(op, op.result, op.shape):
            made = ConvNodes(writer, op, forward, forward.channel, forward.filter)
            return made.conv(x, weights, bias)
        back = windows_of(op, op.result, weights[1], x[1])
        if back is not None and is_plain(op, x[1], xs[image].shape):
            return ConvNodes(writer, op, back, back.filter, back.channel).transpose(
                x, weights, bias
            )
    return None


def pooled(writer: GraphWriter, op: Contract, x: Tensor, axes: Sequence[int]) -> str | None:
    """The greatest numbers along axes of a contraction that shows windows, as `MaxPool`; None where
    it has no windows, or windows that read zeros around the image.
    """
    taps = tuple(op.result[axis] for axis in axes)
    places = tuple(p for axis, p in enumerate(op.result) if axis not in axes)
    plain = is_plain(op, op.result, op.shape) and len(op.operands) == 1
    if not plain or x.lead != 1 or op.reads_outside(0, x.shape):
        return None
    roles = windows_of(op, op.operands[0], taps, places, shown=True)
    if roles is None or len(roles.axes) != len([p for p in taps if op.extents[p.terms[0][0]] != 1]):
        return None
    return ConvNodes(writer, op, roles, None, None).pool(x, places)


@dataclass(frozen=True, slots=True)
class ConvNodes:
    """One contraction, whose loops have roles; the loops of channels that go in and come out."""

    w: GraphWriter
    op: Contract
    roles: Windows
    given: int | None
    made: int | None

    def conv(
        self, image: tuple[Tensor, Map], kernel: tuple[Tensor, Map], bias: str
    ) -> tuple[str, bool]:
        """A `Conv` node.

        y[g f, place] = sum of x[g c, stride place + dilation tap - before] W[g f, c, tap].
        """
        x, seen = image
        axes, extents = self.roles.axes, self.op.extents
        name, sizes = self.cropped(real(self.w, x), x.shape)
        data = self.channels_first(name, self.roles.keys(seen), [sizes[a.axis] for a in axes])
        ends = [a.stride * (extents[a.place] - 1) + a.reach(extents) for a in axes]
        before = [max(0, -a.offset) for a in axes]
        sides = zip(ends, before, [sizes[a.axis] for a in axes], strict=True)
        after = [max(0, end - b - n) for end, b, n in sides]
        inputs = [data, self.filters(kernel, self.made, self.given)]
        fits = bool(bias) and self.made is not None and self.is_last()
        pads = (*before, *after)
        y = self.w.add("Conv", *inputs, *[bias] * fits, **self.attributes(), pads=pads)
        return self.channels_placed(y, self.op.result), fits

    def transpose(
        self, image: tuple[Tensor, Map], kernel: tuple[Tensor, Map], bias: str
    ) -> tuple[str, bool] | None:
        """A `ConvTranspose` node.

        y[g f, stride place + dilation tap - before] += x[g c, place] W[g c, f, tap].
        """
        x, seen = image
        axes, extents = self.roles.axes, self.op.extents
        before = [-a.offset for a in axes]
        sides = zip(axes, before, [self.op.shape[a.axis] for a in axes], strict=True)
        spare = [a.stride * (extents[a.place] - 1) + a.reach(extents) - b - n for a, b, n in sides]
        more = tuple(max(0, -n) for n in spare)
        if min(before) < 0 or any(n >= a.stride for n, a in zip(more, axes, strict=True)):
            return None
        sizes = [extents[a.place] for a in axes]
        data = self.channels_first(real(self.w, x), self.roles.keys(seen), sizes)
        inputs = [data, self.filters(kernel, self.given, self.made)]
        fits = bool(bias) and self.made is not None and self.is_last()
        how = self.attributes() | ({"output_padding": more} if any(more) else {})
        pads = (*before, *(max(0, n) for n in spare))
        y = self.w.add("ConvTranspose", *inputs, *[bias] * fits, **how, pads=pads)
        return self.channels_placed(y, self.op.result), fits

    def pool(self, x: Tensor, places: Map) -> str:
        """A `MaxPool` node: the greatest number of each window; `places` orders the axes."""
        axes = self.roles.axes
        name, sizes = self.cropped(real(self.w, x), x.shape)
        keys = self.roles.keys(self.op.operands[0])
        data = self.channels_first(name, keys, [sizes[a.axis] for a in axes])
        how = {key: value for key, value in self.attributes().items() if key != "group"}
        return self.channels_placed(self.w.add("MaxPool", data, **how), places)

    def is_last(self) -> bool:
        """Whether the last axis of the result is exactly the output channels."""
        return self.roles.group is None and self.op.result[-1].plain == self.made

    def attributes(self) -> dict[str, Any]:
        """The attributes that `Conv` and `ConvTranspose` share."""
        axes, extents, group = self.roles.axes, self.op.extents, self.roles.group
        return {
            "kernel_shape": tuple(extents[a.tap] for a in axes),
            "strides": tuple(a.stride for a in axes),
            "dilations": tuple(a.dilation for a in axes),
            "group": 1 if group is None else extents[group],
        }

    def cropped(self, name: str, shape: Sequence[int]) -> tuple[str, list[int]]:
        """The image without pixels before the first window and without windows that are
        not wanted, and the sizes of that image.
        """
        cuts, sizes = {}, list(shape)
        for a in self.roles.axes:
            extents, size = self.op.extents, shape[a.axis]
            end = a.stride * (extents[a.place] - 1) + a.reach(extents) + a.offset
            if a.offset > 0 or size - end >= a.stride:
                start, end = max(0, a.offset), min(end, size)
                cuts[1 + a.axis], sizes[a.axis] = (start, end, 1), end - start
        return self.w.sliced(name, cuts), sizes

    def channels_first(self, name: str, keys: Keys, sizes: Sequence[int]) -> str:
        """An image in ONNX's layout, [batch, group * channel, place...]."""
        front = [i for i in (self.roles.group, self.given) if i is not None]
        name = arranged(self.w, name, 1, keys, [*front, *(a.place for a in self.roles.axes)])
        if len(front) == 1:
            return name
        channels = prod(self.op.extents[i] for i in front)
        return self.w.reshaped(name, 1, [channels, *sizes])

    def filters(self, kernel: tuple[Tensor, Map], first: int | None, second: int | None) -> str:
        """Weights in ONNX's layout, [group * first, second, tap...]."""
        weights, placed = kernel
        taps = [a.tap for a in self.roles.axes]
        order = [i for i in (self.roles.group, first, second) if i is not None] + taps
        keys = self.roles.keys(placed, taps=True)
        name = arranged(self.w, real(self.w, weights), 0, keys, order)
        size = self.op.extents
        rows = prod(size[i] for i in (self.roles.group, first) if i is not None)
        shape = [rows, 1 if second is None else size[second], *(size[i] for i in taps)]
        return name if shape == [size[i] for i in order] else self.w.reshaped(name, 0, shape)

    def channels_placed(self, name: str, result: Map) -> str:
        """The output of the ONNX node with its axes in the order of the result."""
        front = [i for i in (self.roles.group, self.made) if i is not None]
        sizes = [self.size_of(result[axis]) for axis in self.window_axes(result)]
        if len(front) != 1:
            name = self.w.reshaped(name, 1, [*(self.op.extents[i] for i in front), *sizes])
        have = [*front, *(a.place for a in self.roles.axes)]
        keys = self.roles.keys(result)
        kept = [key for key in keys if key is not None]
        name = self.w.transposed(name, [0, *(1 + have.index(key) for key in kept)])
        return self.w.unsqueezed(name, [1 + k for k, key in enumerate(keys) if key is None])

    def size_of(self, position: Affine) -> int:
        """The size of an axis of the result, given its position."""
        axis = self.op.result.index(position)
        return self.op.shape[axis]

    def window_axes(self, positions: Map) -> list[int]:
        """The axes that hold the places of windows, in order."""
        keys = self.roles.keys(positions)
        return [keys.index(a.place) for a in self.roles.axes]


def arranged(w: GraphWriter, name: str, lead: int, keys: Keys, wanted: Sequence[int]) -> str:
    """A tensor with its axes in the wanted order, without those that have no key."""
    name = w.squeezed(name, [lead + k for k, key in enumerate(keys) if key is None])
    kept = [key for key in keys if key is not None]
    return w.transposed(name, [*range(lead), *(lead + kept.index(key) for key in wanted)])
