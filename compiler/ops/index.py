"""Reading rows by number, and its transpose.

    take:     y[s...] = table[index[s...]]                 an embedding, a label's logit
    scatter:  y[k] = sum of x[s...] with index[s...] = k    its derivative

Each is the other's derivative, so the pair is closed.  No index is out of range: `index_limits`
says why. Kernels clamp all the same, so that nothing beyond a buffer could ever be touched.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array, Op, real, require
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.ops.pairwise_sums import add_at_rows
from gradc_compiler.records.fast_dataclass import dataclass


@register
@dataclass(frozen=True)
class Take(Op):
    """Rows of a table by index."""

    name: ClassVar[str] = "take"
    sends: ClassVar[str] = (
        "table gets `scatter(g, index)`: each row what was read of it; index none"
    )
    adds: ClassVar[bool] = True
    row_major: ClassVar[bool] = True

    def infer(self, table: TensorType, index: TensorType) -> TensorType:
        require(table.rank >= 1, f"only a table of rows can be indexed, got {table}")
        return real(index.shape + table.shape[1:])

    def vjp(self, g: Value, y: Value, table: Value, index: Value) -> list[Value | None]:
        return [g.builder.add(Scatter(table.shape[0]), g, index), None]

    def reference(self, table: Array, index: Array) -> Array:
        n, at = max(table.shape[0], index.shape[0]), index.astype(np.int64)
        rows = np.broadcast_to(table, (n, *table.shape[1:]))
        at = np.clip(np.broadcast_to(at, (n, *at.shape[1:])), 0, table.shape[1] - 1)
        return np.stack([r[i] for r, i in zip(rows, at, strict=True)])


@register
@dataclass(frozen=True)
class Increment(Op):
    """The next whole number: what a counter does.  Exact at any count, as no real number is."""

    name: ClassVar[str] = "increment"
    sends: ClassVar[str] = "none"
    kink: ClassVar[str | None] = "0 everywhere"
    smooth: ClassVar[bool] = False

    def infer(self, count: TensorType) -> TensorType:
        require(count.kind is Kind.INDEX, f"increment counts whole numbers, got {count}")
        return count

    def vjp(self, g: Value, y: Value, count: Value) -> list[Value | None]:
        return [None]

    def jvp(self, dxs: Sequence[Value | None], y: Value, *xs: Value) -> list[Value | None]:
        return []

    def reference(self, count: Array) -> Array:
        return count + 1


@register
@dataclass(frozen=True)
class Scatter(Op):
    """Rows added up at their index, into `rows` rows.

    As a `pair` the sum of [2, ...] is the result: the rows' sums, and what rounding lost of them.
    As a `mean` it sums over the elements of sequences as well and averages over the examples: one
    tensor, to which all of them add.
    """

    rows: int
    pair: bool = False
    mean: bool = False  # made by `compiler/rewrites/scatter_mean.py`
    name: ClassVar[str] = "scatter"
    sends: ClassVar[str] = "x gets `take(g, index)`, index none"
    adds: ClassVar[bool] = True
    row_major: ClassVar[bool] = True

    @property
    def makes_uniform(self) -> bool:
        """A mean over the examples is the same for all of them."""
        return self.mean

    def infer(self, x: TensorType, index: TensorType) -> TensorType:
        require(x.shape[: index.rank] == index.shape, f"one index a row: got {x} and {index}")
        shape = (self.rows, *x.shape[index.rank :])
        return real((2, *shape) if self.pair else shape)

    def vjp(self, g: Value, y: Value, x: Value, index: Value) -> list[Value | None]:
        assert not (self.pair or self.mean), "differentiate before the forms of a target"
        return [g.builder.add(Take(), g, index), None]

    def reference(self, x: Array, index: Array) -> Array:
        n, at = max(x.shape[0], index.shape[0]), index.astype(np.int64)
        at = np.clip(np.broadcast_to(at, (n, *at.shape[1:])), 0, self.rows - 1)
        values = np.broadcast_to(x, (n, *x.shape[1:]))
        if self.mean:
            at, values = at[None], values[None]
        result = np.zeros((len(at), self.rows, *x.shape[index.ndim :]), x.dtype)
        for row, value, target in zip(at, values, result, strict=True):
            add_at_rows(target, row.reshape(-1), value.reshape(-1, *target.shape[1:]))
        result = result / x.dtype.type(n) if self.mean else result
        return np.stack([result, np.zeros_like(result)], axis=1) if self.pair else result

    def terms(self, x: TensorType, index: TensorType) -> int:
        if self.pair:
            return 0
        return sys.maxsize if self.mean else index.size  # nobody knows how many rows there will be

    def paired(self) -> Scatter:
        return replace(self, pair=True)

    def spelled(self, names: Sequence[str]) -> str:
        return f"scatter({names[0]}, {names[1]}, {self.rows})"
