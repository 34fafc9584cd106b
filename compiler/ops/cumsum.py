"""Running sums along an axis, from either end.

    cumsum:               y[k] = x[0] + ... + x[k]
    cumsum, backwards:    y[k] = x[k] + ... + x[n - 1]       its transpose

Each is the other's derivative.  y[k] is a sum like any other, as close to the exact one as Note
[How long a chain of additions is] promises: up to LONG numbers are added one after another, more of
them with what rounding loses (here, in NumPy, in blocks).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array, real, require
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import TensorType
from gradc_compiler.machine.addition_chains import IN_A_ROW, LONG
from gradc_compiler.ops.structured import Structured
from gradc_compiler.records.fast_dataclass import dataclass


@register
@dataclass(frozen=True)
class CumSum(Structured):
    """Sums of all numbers up to each along an axis, or (backwards) from each on."""

    axis: int
    backwards: bool = False
    name: ClassVar[str] = "cumsum"
    sends: ClassVar[str] = "`cumsum(g)` from the other end"
    adds: ClassVar[bool] = True

    def infer(self, x: TensorType) -> TensorType:
        require(0 <= self.axis < x.rank, f"cumsum goes along an axis, got {x}")
        return real(x.shape)

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [g.builder.add(replace(self, backwards=not self.backwards), g)]

    def reference(self, x: Array) -> Array:
        along = np.moveaxis(x, self.axis + 1, -1)
        sums = running(along[..., ::-1])[..., ::-1] if self.backwards else running(along)
        return np.moveaxis(sums, -1, self.axis + 1)

    def mapped(self) -> CumSum:
        return replace(self, axis=self.axis + 1)


def running(x: Array) -> Array:
    """The sums up to each number along the last axis, of many numbers block by block."""
    size = x.shape[-1]
    if size <= LONG:
        return np.cumsum(x, axis=-1, dtype=x.dtype)
    blocks = -(-size // IN_A_ROW)
    padded = np.zeros((*x.shape[:-1], blocks * IN_A_ROW), x.dtype)
    padded[..., :size] = x
    inside = np.cumsum(padded.reshape(*x.shape[:-1], blocks, IN_A_ROW), axis=-1, dtype=x.dtype)
    before = running(inside[..., -1])[..., :-1, None]
    inside[..., 1:, :] += before
    return np.asarray(inside.reshape(padded.shape)[..., :size])
