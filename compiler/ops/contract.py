"""The one contraction: sums of products over affine indices.

    y[p] = sum over loops with result(loops) = p of  a[map_a(loops)] * b[map_b(loops)]

A position is affine in the loop indices (`2*y + i - 1`), so that matrix products, convolution of
any stride, padding and dilation, its transpose, attention, and (with one operand) sums, broadcasts,
transposes, slices, zero padding and windows are all this operator.  Reading outside an operand
gives 0, writing outside the result is dropped.  The derivative permutes the three maps and is
therefore a contraction again: derivatives of any order need no further rule.  A tangent takes the
place of its operand, one term for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array, Op, real, require
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import TensorType
from gradc_compiler.machine.addition_chains import LONG, MOST_SUMMED, SUMMED
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.pairwise_sums import add_pairwise, add_up, pieces
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Affine:
    """offset + sum of coefficient * loop index; terms are (loop, coefficient), by loop."""

    terms: tuple[tuple[int, int], ...] = ()
    offset: int = 0

    @property
    def plain(self) -> int | None:
        """The loop, where the position is just one loop's index."""
        ok = len(self.terms) == 1 and self.offset == 0 and self.terms[0][1] == 1
        return self.terms[0][0] if ok else None

    def range(self, extents: Sequence[int]) -> tuple[int, int]:
        """Least and greatest value over all loops."""
        reach = [c * (extents[loop] - 1) for loop, c in self.terms]
        return (
            self.offset + sum(r for r in reach if r < 0),
            self.offset + sum(r for r in reach if r > 0),
        )


Map = tuple[Affine, ...]
SMALL = MACHINE.reference_products  # multiplications in a piece of a product


def index(loop: int) -> Affine:
    """The position that is one loop's index."""
    return Affine(((loop, 1),))


@register
@dataclass(frozen=True)
class Contract(Op):
    """Sum of products over affine indices; `extents` of the loops, a map for each operand and the
    result.
    """

    extents: tuple[int, ...]
    operands: tuple[Map, ...]
    result: Map
    shape: tuple[int, ...]
    mean: bool = False  # also averages over the examples; made by the `batch` pass
    name: ClassVar[str] = "contract"
    sends: ClassVar[str] = (
        "a gets the sum of `g * b`, b that of `g * a`: the same products, each added up where its "
        "operand was read"
    )

    @property
    def makes_uniform(self) -> bool:
        """A mean over the examples is the same for all of them."""
        return self.mean

    def reads_outside(self, k: int, shape: Sequence[int]) -> bool:
        """Whether operand k, of this shape, is read where it has no elements."""
        ranges = [p.range(self.extents) for p in self.operands[k]]
        return any(low < 0 or high >= n for (low, high), n in zip(ranges, shape, strict=True))

    def infer(self, *types: TensorType) -> TensorType:
        require(len(types) == len(self.operands), "contract has a map for each operand")
        require(len(self.result) == len(self.shape), "contract has a position for each result axis")
        for t, m in zip(types, self.operands, strict=True):
            require(t.rank == len(m), f"{t} has {t.rank} axes, {len(m)} are indexed")
        return real(self.shape)

    def vjp(self, g: Value, y: Value, *xs: Value) -> list[Value | None]:
        assert not self.mean, "differentiate before `batch`"
        return [self._cotangent(k, g, xs) for k in range(len(xs))]

    def _cotangent(self, k: int, g: Value, xs: Sequence[Value]) -> Value:
        """The maps of operand k and of the result change places; g is read, dx is written."""
        others = [j for j in range(len(xs)) if j != k]
        op = Contract(
            self.extents,
            (self.result, *(self.operands[j] for j in others)),
            self.operands[k],
            xs[k].shape,
        )
        return g.builder.add(op, g, *(xs[j] for j in others))

    def jvp(self, dxs: Sequence[Value | None], y: Value, *xs: Value) -> list[Value | None]:
        assert not self.mean, "differentiate before `batch`"
        return [
            None if dx is None else y.builder.add(self, *xs[:k], dx, *xs[k + 1 :])
            for k, dx in enumerate(dxs)
        ]

    def reference(self, *arrays: Array) -> Array:
        used = [sorted({loop for p in m for loop, _ in p.terms}) for m in self.operands]
        gathered = [
            self._gather(a, m, u) for a, m, u in zip(arrays, self.operands, used, strict=True)
        ]
        wanted = sorted({loop for p in self.result for loop, _ in p.terms})
        missing = [i for i in wanted if all(i not in u for u in used)]
        idle = [
            i for i in range(len(self.extents)) if i not in wanted and all(i not in u for u in used)
        ]
        scale = float(np.prod([self.extents[i] for i in idle]))
        present = [i for i in wanted if i not in missing]
        summed = _einsum(gathered, used, present)
        summed = summed * scale if scale != 1.0 else summed
        total = self._scatter(self._spread(summed, present, wanted), wanted)
        return (add_up(total, 0) / len(total))[None] if self.mean else total

    def _spread(self, array: Array, present: list[int], wanted: list[int]) -> Array:
        """The same for every index of the loops that no operand has."""
        kept = [self.extents[i] if i in present else 1 for i in wanted]
        whole = (len(array), *(self.extents[i] for i in wanted))
        return np.broadcast_to(array.reshape(len(array), *kept), whole)

    def _positions(
        self, m: Map, loops: list[int], shape: tuple[int, ...]
    ) -> tuple[list[Array], Array]:
        """Index arrays over the loops for each axis, clipped, and where they are inside."""
        grid = [self.extents[i] for i in loops]
        inside = np.ones(grid, bool)
        positions = []
        for affine, size in zip(m, shape, strict=True):
            at = np.full(grid, affine.offset)
            for loop, coefficient in affine.terms:
                axis = loops.index(loop)
                steps = np.arange(self.extents[loop]) * coefficient
                at = at + steps.reshape([-1 if j == axis else 1 for j in range(len(grid))])
            inside &= (at >= 0) & (at < size)
            positions.append(np.clip(at, 0, max(size - 1, 0)))
        return positions, inside

    def _order(self, m: Map, loops: list[int], shape: Sequence[int]) -> list[int] | None:
        """The loop of each axis, where each goes through one axis from end to end."""
        order = [p.plain for p in m if p.plain is not None]
        whole = sorted(order) == loops and len(order) == len(m)
        return order if whole and [self.extents[i] for i in order] == list(shape) else None

    def _gather(self, array: Array, m: Map, loops: list[int]) -> Array:
        if 0 in array.shape[1:]:
            return np.zeros((array.shape[0], *(self.extents[i] for i in loops)))
        if (order := self._order(m, loops, array.shape[1:])) is not None:
            return array.transpose(0, *(1 + order.index(i) for i in loops))
        positions, inside = self._positions(m, loops, array.shape[1:])
        every: tuple[Any, ...] = (slice(None), *positions)
        values = array[every] if positions else array
        return values if inside.all() else np.where(inside, values, 0.0)

    def _scatter(self, values: Array, loops: list[int]) -> Array:
        if (order := self._order(self.result, loops, self.shape)) is not None:
            return values.transpose(0, *(1 + loops.index(i) for i in order))
        positions, inside = self._positions(self.result, loops, self.shape)
        result = np.zeros((values.shape[0], *self.shape), values.dtype)
        if positions:
            picked = tuple(p[inside] for p in positions)
            np.add.at(result, (slice(None), *picked), values[:, inside])
            return result
        return values


def _einsum(arrays: list[Array], axes: list[list[int]], wanted: list[int]) -> Array:
    """Einstein's sum over loop numbers, with the example axis in front; a long one in pieces."""
    if len(arrays) == 2 and (product := _matrix_product(arrays, axes, wanted)) is not None:
        return product
    pairs = list(zip(arrays, axes, strict=True))
    extents = {j: a.shape[1 + k] for a, own in pairs for k, j in enumerate(own)}
    summed = {j: n for j, n in extents.items() if j not in wanted}
    terms = prod(summed.values())
    if terms > LONG:
        loop = max(summed, key=lambda j: summed[j])
        if summed[loop] > 1:
            most = max(1, LONG * summed[loop] // terms)
            return add_pairwise(
                _einsum(_cut(arrays, axes, loop, piece), axes, wanted)
                for piece in pieces(summed[loop], most)
            )
    operands: list[Any] = []
    for array, loops in pairs:
        operands += [array, [Ellipsis, *loops]]
    return np.asarray(np.einsum(*operands, [Ellipsis, *wanted], optimize=len(arrays) > 2))


def _cut(arrays: list[Array], axes: list[list[int]], loop: int, piece: slice) -> list[Array]:
    """The arrays in a piece of one loop."""
    return [
        a[(slice(None), *(piece if j == loop else slice(None) for j in own))]
        for a, own in zip(arrays, axes, strict=True)
    ]


def _matrix_product(arrays: list[Array], axes: list[list[int]], wanted: list[int]) -> Array | None:
    """The sum where it is the product of two matrices, of no example each: three times as fast."""
    (a, b), (left, right) = arrays, axes
    summed = set(left) & set(right)
    if len(left) != 2 or len(right) != 2 or len(summed) != 1 or len(a) != 1 or len(b) != 1:
        return None
    if wanted != sorted({*left, *right} - summed):
        return None
    rows = a[0] if left[1] in summed else a[0].T
    if rows.shape[1] > MOST_SUMMED:
        return None
    columns = b[0] if right[0] in summed else b[0].T
    product = _in_small_pieces(rows, columns)
    return (product if wanted[0] in left else product.T)[None]


def _in_small_pieces(a: Array, b: Array) -> Array:
    """a @ b, for a: [m, k] and b: [k, n], in pieces that BLAS does not share out over threads.

    Its threads spin when they wait for one another, which loses where others compute, too.
    """
    product = np.zeros((len(a), b.shape[1]), np.result_type(a, b))
    rows = max(1, SMALL // (SUMMED * max(1, b.shape[1])))
    for k in range(0, len(b), SUMMED):
        for m in range(0, len(a), rows):
            product[m : m + rows] += a[m : m + rows, k : k + SUMMED] @ b[k : k + SUMMED]
    return product
