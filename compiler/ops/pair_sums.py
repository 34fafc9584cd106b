"""Attention and its derivative as one operator each: the form that a GPU has a kernel for.

Of each pair of a row and a column there are one or two products, and numbers that are computed of
these; sums over the columns go on from there.  With `softmax`

    y[.., i, e] = sum over j of softmax over j(f(sum over a of q[.., i, a] k[.., j, a])) v[.., j, e]

and the result has, after y, of each row the greatest score and the sum of exp(score - greatest).
The derivative computes weights again from these two.

The `attend` rewrite makes it of a graph that is differentiated already; so it has no derivative,
and is not filed with the operators that graphs are written in.  Its result is one vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from gradc_compiler.graph.op import Array, Op, real, require
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True)
class PairProduct:
    """A product for each pair, of two operands by number: one has rows, the other columns."""

    op: Contract
    rows: int
    columns: int


@dataclass(frozen=True)
class PairStep:
    """A number of a pair, of others: products are the first, steps come after them, and -1 is the
    first operand behind the matrices, -2 the second.
    """

    op: Elementwise
    operands: tuple[int, ...]


@dataclass(frozen=True)
class PairSum:
    """A sum of products of a number of each pair with an operand, by number."""

    op: Contract
    value: int
    factor: int


@dataclass(frozen=True)
class PairSums(Op):
    """Sums over one axis, the `columns`, of numbers of pairs; the first operands are `matrices`."""

    matrices: int
    products: tuple[PairProduct, ...]
    steps: tuple[PairStep, ...]
    sums: tuple[PairSum, ...]
    columns: int
    softmax: bool
    name: ClassVar[str] = "pair_sums"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what has a number for each pair."""
        return self.products[0].op.shape

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each sum begins, and after them (of a softmax) what is greatest, the sums of rows;
        and the end.
        """
        rows = prod(self.shape) // self.shape[self.columns]
        sizes = [prod(own.op.shape) for own in self.sums] + [rows, rows] * self.softmax
        return tuple(sum(sizes[:k]) for k in range(len(sizes) + 1))

    def infer(self, *types: TensorType) -> TensorType:
        require(len(types) >= self.matrices, f"{self.name} reads {self.matrices} matrices")
        return real((self.starts[-1],))

    def attributes(self) -> dict[str, Any]:
        """For people: maps are told by what made them."""
        steps = tuple((step.op.name, *step.operands) for step in self.steps)
        sums = tuple((own.value, own.factor) for own in self.sums)
        products = tuple((own.rows, own.columns) for own in self.products)
        return {
            "products": products, "steps": steps, "sums": sums, "columns": self.columns,
            "softmax": self.softmax,
        }  # fmt: skip

    def values(self, arrays: Sequence[Array]) -> list[Array]:
        """All numbers of pairs."""
        others = arrays[self.matrices :]
        known = [p.op.reference(arrays[p.rows], arrays[p.columns]) for p in self.products]
        for step in self.steps:
            read = [known[n] if n >= 0 else others[-n - 1] for n in step.operands]
            known.append(step.op.reference(*read))
        return known

    def reference(self, *arrays: Array) -> Array:
        known, statistics, axis = self.values(arrays), list[Array](), self.columns + 1
        if self.softmax:
            scores = known[self.sums[0].value]
            greatest = scores.max(axis=axis, keepdims=True)
            with np.errstate(invalid="ignore"):
                powers = np.exp(scores - greatest)
                total = powers.sum(axis=axis, keepdims=True)
                known[self.sums[0].value] = powers / total
            statistics = [greatest, total]
        sums = [own.op.reference(known[own.value], arrays[own.factor]) for own in self.sums]
        parts, count = [*sums, *statistics], max(map(len, [*sums, *statistics]))
        whole = [np.broadcast_to(part, (count, *part.shape[1:])) for part in parts]
        return np.concatenate([part.reshape(count, -1) for part in whole], axis=1)


def row_axis(product: PairProduct, columns: int) -> int:
    """The axis of pairs that is the rows of a tile: the longest that only the first operand has."""
    op = product.op
    own = {p.plain for p in op.operands[0]} - {p.plain for p in op.operands[1]}
    rows = [axis for axis, p in enumerate(op.result) if p.plain in own and axis != columns]
    return max(rows, key=lambda axis: op.shape[axis])
