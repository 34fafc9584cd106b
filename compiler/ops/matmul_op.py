"""`@` as a contraction: NumPy's product of matrices and vectors, and how to know one again."""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.graph.op import broadcast_shapes
from gradc_compiler.ops.contract import Affine, Contract, index

Shape = tuple[int, ...]


def matmul_op(a: Shape, b: Shape) -> Contract:
    """The last axis of a with the last but one of b (the only one of a vector), which are of one
    size; neither is a scalar.

    Raises `TypeFault` where axes in front do not fit.
    """
    inner = b[-2] if len(b) > 1 else b[0]
    rows, columns = a[-2:-1], b[-1:] if len(b) > 1 else ()
    batch = broadcast_shapes([a[:-2], b[:-2]])
    extents = (*batch, *rows, *columns, inner)
    lead, k = len(batch), index(len(extents) - 1)
    m = tuple(index(lead + j) for j in range(len(rows)))
    n = tuple(index(lead + len(rows) + j) for j in range(len(columns)))
    left = (*_batch_axes(a[:-2], batch), *m, k)
    right = (*_batch_axes(b[:-2], batch), *((k, *n) if columns else (k,)))
    result = (*(index(j) for j in range(lead)), *m, *n)
    return Contract(extents, (left, right), result, extents[:-1])


def is_matmul(op: Contract, a: Shape, b: Shape) -> bool:
    """Whether a contraction of operands of these shapes is `a @ b`, its loops in any order."""
    inner = b[-2] if len(b) > 1 else b[0] if b else None
    if len(a) not in (1, 2) or len(b) not in (1, 2) or a[-1] != inner:
        return False
    return same_contraction(op, matmul_op(a, b))


def same_contraction(a: Contract, b: Contract) -> bool:
    """Whether two contractions are equal, their loops in any order."""
    return in_one_order(a) == in_one_order(b)


def in_one_order(op: Contract) -> Contract:
    """The same with its loops numbered as they are met."""
    met = [loop for m in (op.result, *op.operands) for p in m for loop, _ in p.terms]
    order = [*dict.fromkeys(met)]
    order += [j for j in range(len(op.extents)) if j not in order]
    number = {loop: k for k, loop in enumerate(order)}

    def renamed(position: Affine) -> Affine:
        terms = tuple(sorted((number[loop], c) for loop, c in position.terms))
        return Affine(terms, position.offset)

    return replace(
        op,
        extents=tuple(op.extents[j] for j in order),
        operands=tuple(tuple(map(renamed, m)) for m in op.operands),
        result=tuple(map(renamed, op.result)),
    )


def _batch_axes(shape: Shape, batch: Shape) -> tuple[Affine, ...]:
    skip = len(batch) - len(shape)
    return tuple(
        Affine() if n == 1 and batch[skip + j] != 1 else index(skip + j)
        for j, n in enumerate(shape)
    )
