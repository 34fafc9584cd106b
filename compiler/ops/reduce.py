"""Reductions that are not sums (a sum is a contraction), and the mean across examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array, Op, real, require
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.ops.pairwise_sums import add_up
from gradc_compiler.ops.shape import broadcast, reshape, sum_axes
from gradc_compiler.records.fast_dataclass import dataclass


@register
@dataclass(frozen=True)
class Max(Op):
    """The greatest element over `axes`, which are dropped."""

    axes: tuple[int, ...]
    name: ClassVar[str] = "max"
    sends: ClassVar[str] = "`where(x < y, 0, g / n)`, for n equal greatest elements"
    kink: ClassVar[str | None] = "equal greatest elements share the cotangent evenly, at NaN all do"
    smooth: ClassVar[bool] = False

    def infer(self, x: TensorType) -> TensorType:
        for axis in self.axes:
            require(0 <= axis < x.rank, f"there is no axis {axis} in {x}")
            require(x.shape[axis] > 0, "the greatest of no elements is undefined")
        return real(tuple(n for j, n in enumerate(x.shape) if j not in self.axes))

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        kept = tuple(1 if j in self.axes else n for j, n in enumerate(x.shape))
        less = x < reshape(y, kept)  # nothing is, where the greatest is NaN
        share = reshape(g, kept) / sum_axes(1.0 - less, self.axes, keep=True)
        return [x.apply("where", less, 0.0, share)]

    def jvp(self, dxs: Sequence[Value | None], y: Value, x: Value) -> list[Value | None]:
        (dx,) = dxs
        assert dx is not None, "asked only where something flows"
        kept = tuple(1 if j in self.axes else n for j, n in enumerate(x.shape))
        less = x < reshape(y, kept)  # nothing is, where the greatest is NaN
        chosen = sum_axes(x.apply("where", less, 0.0, broadcast(dx, x.shape)), self.axes)
        return [chosen / sum_axes(1.0 - less, self.axes)]

    def reference(self, x: Array) -> Array:
        axes = tuple(a + 1 for a in self.axes)
        greatest = np.asarray(x.max(axis=axes))
        if greatest.all():
            return greatest
        above = ((x == 0) & ~np.signbit(x)).any(axis=axes)  # 0 is above -0
        return np.where((greatest == 0) & above, x.dtype.type(0), greatest)

    def mapped(self) -> Max:
        return Max(tuple(a + 1 for a in self.axes))

    def spelled(self, names: Sequence[str]) -> str:
        axes = self.axes[0] if len(self.axes) == 1 else self.axes
        return f"max({names[0]}, axis = {axes})"


@register
@dataclass(frozen=True)
class ArgMax(Op):
    """Position of the greatest element along the last axis, the first where several are equal."""

    name: ClassVar[str] = "argmax"
    sends: ClassVar[str] = "none"
    row_major: ClassVar[bool] = True
    kink: ClassVar[str | None] = "0 everywhere"
    smooth: ClassVar[bool] = False

    def infer(self, x: TensorType) -> TensorType:
        require(x.rank >= 1, f"argmax needs a vector, got {x}")
        require(x.shape[-1] > 0, "the greatest of no elements is undefined")
        return TensorType(x.shape[:-1], Kind.INDEX, x.shape[-1])

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [None]

    def jvp(self, dxs: Sequence[Value | None], y: Value, *xs: Value) -> list[Value | None]:
        return []

    def reference(self, x: Array) -> Array:
        return np.asarray(x.argmax(axis=-1))

    def mapped(self) -> ArgMax:
        return self


@register
@dataclass(frozen=True)
class BatchMean(Op):
    """The mean over the examples of the batch: the one operator that looks across them.

    With adjoints of varying nodes counted per example (N times dL/dx_i), it is its own adjoint.
    """

    name: ClassVar[str] = "batch_mean"
    sends: ClassVar[str] = "`batch_mean(g)`: g counted for each example"
    adds: ClassVar[bool] = True
    makes_uniform: ClassVar[bool] = True
    sequential: ClassVar[bool] = True

    def infer(self, x: TensorType) -> TensorType:
        require(x.time is None, f"a mean over the examples has no place for {x}")
        return real(x.shape)

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [g.builder.add(BatchMean(), g)]

    def reference(self, x: Array) -> Array:
        return np.asarray((add_up(x, 0) / x.dtype.type(len(x)))[None])

    def mapped(self) -> BatchMean:
        return self
