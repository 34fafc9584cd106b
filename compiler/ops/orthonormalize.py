"""Orthonormal columns of a matrix: the factor Q of its QR factorisation, for first values.

First values are promised to be the same on every machine, so neither LAPACK nor the order in which
a BLAS sums may show.  This is the block Gram-Schmidt process (Björck, 1967; block form: Jalby &
Philippe, 1991): inside a block of columns in NumPy's elementwise operations, whose order is fixed;
from block to block by matrix products that are *exact*, so that any order gives the same bits.
The diagonal of R is positive, so that Q is uniform over the orthogonal matrices where the entries
are normal draws (Mezzadri, "How to generate random matrices from the classical compact groups",
2007).

Note [Exact products]
A number of `BITS` bits times another has at most 2 `BITS` bits, and a sum of 2^11 of those at most
2 * 21 + 11 = 53: every partial sum is a float64 without rounding, whatever the order and whether or
not additions are fused.  Each factor is cut into a high and a low part of that many bits; the
product of the low parts, 2^-42 of the result, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array, Op, real, require
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import TensorType
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.records.fast_dataclass import dataclass

BLOCK = MACHINE.orthonormal_columns  # columns that are made orthonormal one by one
BITS, TERMS = 21, 1 << 11  # see Note [Exact products]


@register
@dataclass(frozen=True)
class Orthonormalize(Op):
    """The columns (or rows, where there are fewer) of a matrix made orthonormal, first to last."""

    name: ClassVar[str] = "orthonormalize"

    def infer(self, x: TensorType) -> TensorType:
        require(x.rank == 2, f"`orthonormalize` takes a matrix, got {x}")
        return real(x.shape)

    def vjp(self, g: Value, y: Value, *xs: Value) -> Sequence[Value | None]:
        return [None]  # only first values are made by it, and those follow from no parameter

    def jvp(self, dxs: Sequence[Value | None], y: Value, *xs: Value) -> Sequence[Value | None]:
        return []

    def reference(self, x: Array) -> Array:
        wide = x.shape[1] < x.shape[2]
        rows = x if wide else x.transpose(0, 2, 1)
        made = np.stack([orthonormal_rows(np.array(m, np.float64, order="C")) for m in rows])
        return made if wide else made.transpose(0, 2, 1)


def orthonormal_rows(a: Array) -> Array:
    """Make the rows of a: [n, m], n <= m, orthonormal in place: row k lies in the span of the
    first k + 1, on the side of the row that was there.
    """
    for start in range(0, len(a), BLOCK):
        block, rest = a[start : start + BLOCK], a[start + BLOCK :]
        _orthonormalize_one_by_one(block)
        if len(rest):
            rest -= exact_product(exact_product(rest, block.T), block)
    return a


def _orthonormalize_one_by_one(block: Array) -> None:
    """The modified Gram-Schmidt process on the rows of a block."""
    for k, row in enumerate(block):
        row /= np.sqrt(np.add.reduce(row * row))
        rest = block[k + 1 :]
        rest -= np.add.reduce(rest * row, axis=1)[:, None] * row


def exact_product(a: Array, b: Array) -> Array:
    """a @ b to 2^-42 of the greatest terms, in the same bits everywhere: Note [Exact products]."""
    total = np.zeros((len(a), b.shape[1]))
    for start in range(0, a.shape[1], TERMS):
        high_a, low_a = _halves(a[:, start : start + TERMS], axis=1)
        high_b, low_b = _halves(b[start : start + TERMS], axis=0)
        total += high_a @ high_b
        total += high_a @ low_b + low_a @ high_b
    return total


def _halves(a: Array, axis: int) -> tuple[Array, Array]:
    """a as a sum of two arrays of `BITS` bits each, relative to the greatest number along an
    axis.
    """
    exponent = np.frexp(np.abs(a).max(axis=axis, keepdims=True))[1]
    unit = np.ldexp(1.0, exponent - BITS)
    high = np.rint(a / unit) * unit
    low = np.rint((a - high) / (unit * 2.0**-BITS)) * (unit * 2.0**-BITS)
    return high, low
