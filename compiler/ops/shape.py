"""Operators that move numbers without changing them: reshape and concatenation.

Transposes, slices, padding and broadcasts are contractions with one operand; the functions at the
foot of this module build them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array, Op, real, require
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.records.fast_dataclass import dataclass


@register
@dataclass(frozen=True)
class Reshape(Op):
    """The same numbers, row-major, in another shape."""

    shape: tuple[int, ...]
    name: ClassVar[str] = "reshape"
    sends: ClassVar[str] = "g in the shape of x"
    adds: ClassVar[bool] = True
    row_major: ClassVar[bool] = True

    def infer(self, x: TensorType) -> TensorType:
        require(
            x.size == prod(self.shape),
            f"{x} has {x.size} elements, {real(self.shape)} {prod(self.shape)}",
        )
        return TensorType(self.shape, x.kind, x.classes)

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [reshape(g, x.shape)]

    def reference(self, x: Array) -> Array:
        return x.reshape(x.shape[0], *self.shape)

    def spelled(self, names: Sequence[str]) -> str:
        return f"reshape({names[0]}, {list(self.shape)})"


@register
@dataclass(frozen=True)
class Concat(Op):
    """Operands one after another along an axis."""

    axis: int
    name: ClassVar[str] = "concat"
    sends: ClassVar[str] = "each operand its piece of g"
    adds: ClassVar[bool] = True

    def infer(self, *types: TensorType) -> TensorType:
        first = types[0].shape
        require(0 <= self.axis < len(first), f"there is no axis {self.axis} in {types[0]}")
        rest = {t.shape[: self.axis] + t.shape[self.axis + 1 :] for t in types}
        require(
            len(rest) == 1 and all(t.rank == len(first) for t in types),
            f"concat needs equal sizes but on axis {self.axis}, got {', '.join(map(str, types))}",
        )
        total = sum(t.shape[self.axis] for t in types)
        return real((*first[: self.axis], total, *first[self.axis + 1 :]))

    def vjp(self, g: Value, y: Value, *xs: Value) -> list[Value | None]:
        starts = np.cumsum([0, *(x.shape[self.axis] for x in xs)])
        return [
            slice_axis(g, self.axis, int(s), x.shape[self.axis])
            for s, x in zip(starts[:-1], xs, strict=True)
        ]

    def reference(self, *arrays: Array) -> Array:
        n = max(a.shape[0] for a in arrays)
        return np.concatenate(
            [np.broadcast_to(a, (n, *a.shape[1:])) for a in arrays], self.axis + 1
        )

    def mapped(self) -> Concat:
        return Concat(self.axis + 1)

    def spelled(self, names: Sequence[str]) -> str:
        return f"concat({', '.join(names)}, axis = {self.axis})"


def reshape(x: Value, shape: tuple[int, ...]) -> Value:
    """x in another shape; x itself where it has that shape."""
    return x if x.shape == tuple(shape) else x.builder.add(Reshape(tuple(shape)), x)


def slice_axis(x: Value, axis: int, start: int, size: int) -> Value:
    """x[..., start : start + size, ...] along an axis."""
    extents = tuple(size if j == axis else n for j, n in enumerate(x.shape))
    source = tuple(Affine(((j, 1),), start if j == axis else 0) for j in range(len(extents)))
    return x.builder.add(Contract(extents, (source,), _identity(len(extents)), extents), x)


def transpose(x: Value, order: Sequence[int]) -> Value:
    """y[i0, i1, ...] = x with axis k of y being axis order[k] of x."""
    source = tuple(index(list(order).index(j)) for j in range(len(order)))
    extents = tuple(x.shape[j] for j in order)
    return x.builder.add(Contract(extents, (source,), _identity(len(order)), extents), x)


def transposed_axes(op: Op, shape: tuple[int, ...]) -> list[int] | None:
    """The axis of x that each axis of y is, if an operator transposes x of this shape."""
    if not isinstance(op, Contract) or len(op.operands) != 1 or op.mean:
        return None
    seen = [p.plain for p in op.operands[0] if p.plain is not None]
    shown = [p.plain for p in op.result if p.plain is not None]
    loops, positions = list(range(len(op.extents))), len(op.operands[0]) + len(op.result)
    plain = sorted(seen) == sorted(shown) == loops and positions == 2 * len(loops)
    if not plain or tuple(op.extents[loop] for loop in seen) != shape:
        return None
    return [seen.index(loop) for loop in shown]


def broadcast(x: Value, shape: tuple[int, ...]) -> Value:
    """x repeated to a shape by NumPy's rule; x itself where nothing changes."""
    if x.shape == shape:
        return x
    lead = len(shape) - len(x.shape)
    source = tuple(
        Affine() if n == 1 and shape[lead + j] != 1 else index(lead + j)
        for j, n in enumerate(x.shape)
    )
    return x.builder.add(Contract(shape, (source,), _identity(len(shape)), shape), x)


def sum_axes(x: Value, axes: Sequence[int], keep: bool = False) -> Value:
    """Sum over axes, dropped or (keep) left with size 1."""
    if not axes:
        return x
    kept = [j for j in range(len(x.shape)) if j not in axes]
    result = tuple(
        Affine() if j in axes else index(j) for j in range(len(x.shape)) if keep or j not in axes
    )
    shape = tuple(1 if j in axes else n for j, n in enumerate(x.shape) if keep or j in kept)
    return x.builder.add(Contract(x.shape, (_identity(len(x.shape)),), result, shape), x)


def unbroadcast(g: Value, shape: tuple[int, ...]) -> Value:
    """The transpose of `broadcast`: sum g over the axes along which x was repeated."""
    if g.shape == shape:
        return g
    lead = len(g.shape) - len(shape)
    result = tuple(
        Affine() if n == 1 and g.shape[lead + j] != 1 else index(lead + j)
        for j, n in enumerate(shape)
    )
    return g.builder.add(Contract(g.shape, (_identity(len(g.shape)),), result, shape), g)


def _identity(rank: int) -> tuple[Affine, ...]:
    return tuple(index(j) for j in range(rank))
