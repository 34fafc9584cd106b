"""The order of the numbers along the last axis, and numbers taken in an order, with its transpose.

    argsort:      order[s, 0], order[s, 1], ... are the places of x[s, ...] from the least on
    take_along:   y[s, i] = x[s, index[s, i]]
    add_along:    y[s, k] = sum of x[s, i] with index[s, i] = k        its transpose

An order is labels, as the place that `argmax` gives: numbers that nothing is differentiated by.  So
sorted numbers, take_along(x, argsort(x)), hand each cotangent back to the number it came from, and
the last two, each the other's derivative, close the set.  A label of more classes than there are
places is refused by type; kernels clamp all the same.

How a kernel finds the order: Note [An order in place] in `compiler/printing/row_kernel_table.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array, real, require
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.ops.pairwise_sums import add_at_rows
from gradc_compiler.ops.structured import Structured
from gradc_compiler.records.fast_dataclass import dataclass


@register
@dataclass(frozen=True)
class ArgSort(Structured):
    """Places of the numbers along the last axis in rising order, NaN last; ties as they stand."""

    name: ClassVar[str] = "argsort"
    sends: ClassVar[str] = "none"
    kink: ClassVar[str | None] = "0 everywhere"
    smooth: ClassVar[bool] = False

    def infer(self, x: TensorType) -> TensorType:
        require(x.rank >= 1, f"argsort needs a vector, got {x}")
        return TensorType(x.shape, Kind.INDEX, x.shape[-1])

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [None]

    def jvp(self, dxs: Sequence[Value | None], y: Value, *xs: Value) -> list[Value | None]:
        return []

    def reference(self, x: Array) -> Array:
        return np.argsort(x, axis=-1, kind="stable")

    def mapped(self) -> ArgSort:
        return self


@register
@dataclass(frozen=True)
class TakeAlong(Structured):
    """Numbers at places along the last axis, of each row those at its own places."""

    name: ClassVar[str] = "take_along"
    sends: ClassVar[str] = "x gets `add_along(g, places)`, places none"
    adds: ClassVar[bool] = True
    labels: ClassVar[tuple[str, ...]] = ("index",)

    def infer(self, x: TensorType, index: TensorType) -> TensorType:
        require_places(x, index, x.shape[-1] if x.rank else 0)
        return real(index.shape)

    def vjp(self, g: Value, y: Value, x: Value, index: Value) -> list[Value | None]:
        return [g.builder.add(AddAlong(x.shape[-1]), g, index), None]

    def reference(self, x: Array, index: Array) -> Array:
        x, at = _both(x, index)
        return np.take_along_axis(x, np.clip(at, 0, x.shape[-1] - 1), axis=-1)

    def mapped(self) -> TakeAlong:
        return self


@register
@dataclass(frozen=True)
class AddAlong(Structured):
    """Numbers added up at places along the last axis, which has `size` of them.

    As a `pair` the sum of [2, ...] is the result: the sums, and what rounding lost of them.
    """

    size: int
    pair: bool = False
    name: ClassVar[str] = "add_along"
    sends: ClassVar[str] = "x gets `take_along(g, places)`, places none"
    adds: ClassVar[bool] = True
    labels: ClassVar[tuple[str, ...]] = ("index",)

    def infer(self, x: TensorType, index: TensorType) -> TensorType:
        require_places(x, index, self.size)
        require(x.shape == index.shape, f"one place a number: got {x} and {index}")
        shape = (*x.shape[:-1], self.size)
        return real((2, *shape) if self.pair else shape)

    def vjp(self, g: Value, y: Value, x: Value, index: Value) -> list[Value | None]:
        assert not self.pair, "differentiate before sums are cut"
        return [g.builder.add(TakeAlong(), g, index), None]

    def reference(self, x: Array, index: Array) -> Array:
        x, at = _both(x, index)
        result = np.zeros((*x.shape[:-1], self.size), x.dtype)
        at = np.clip(at, 0, self.size - 1)
        for row in np.ndindex(x.shape[:-1]):
            add_at_rows(result[row], at[row], x[row])
        return np.stack([result, np.zeros_like(result)], axis=1) if self.pair else result

    def terms(self, x: TensorType, index: TensorType) -> int:
        return 0 if self.pair else index.shape[-1]

    def paired(self) -> AddAlong:
        return replace(self, pair=True)

    def mapped(self) -> AddAlong:
        return self


def require_places(x: TensorType, index: TensorType, size: int) -> None:
    """Raise `TypeFault` unless an index is labels of at most `size` classes, a row for each of x's
    own.
    """
    require(x.rank >= 1, f"numbers along an axis are a vector, got {x}")
    labels = index.kind is Kind.INDEX and index.classes is not None
    require(labels, f"places along an axis are labels, as argsort gives them, got {index}")
    rows = x.shape[:-1] == index.shape[:-1] and x.rank == index.rank
    require(rows, f"places need the axes of {x} but for the last, got {index}")
    reach = (index.classes or 0) - 1
    require(reach < size, f"there are {size} places, but the index goes from 0 to {reach}")


def _both(x: Array, index: Array) -> tuple[Array, Array]:
    """Numbers and places for as many examples."""
    count, at = max(len(x), len(index)), index.astype(np.int64)
    x = np.broadcast_to(x, (count, *x.shape[1:]))
    return x, np.broadcast_to(at, (count, *at.shape[1:]))
