"""`@`: the product of matrices and vectors as a contraction."""

from __future__ import annotations

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import TypeFault, broadcast_shapes
from gradc_compiler.ops.contract import Affine, Contract, index


def matmul(a: Value, b: Value) -> Value:
    """NumPy's `@`: the last axis of a with the last but one of b (the only one of a vector).

    Raises `TypeFault` where an operand is a scalar or the summed axes differ in size.
    """
    if not a.shape or not b.shape:
        raise TypeFault("a scalar has no axis to sum over; use *")
    inner = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise TypeFault(f"inner sizes {a.shape[-1]} and {inner} differ")
    rows, columns = a.shape[-2:-1], b.shape[-1:] if len(b.shape) > 1 else ()
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-2]])
    extents = (*batch, *rows, *columns, inner)
    lead, k = len(batch), index(len(extents) - 1)
    m = tuple(index(lead + j) for j in range(len(rows)))
    n = tuple(index(lead + len(rows) + j) for j in range(len(columns)))
    left = (*_batch_axes(a.shape[:-2], batch), *m, k)
    right = (*_batch_axes(b.shape[:-2], batch), *((k, *n) if columns else (k,)))
    result = (*(index(j) for j in range(lead)), *m, *n)
    op = Contract(extents, (left, right), result, extents[:-1])
    return a.builder.add(op, a, b)


def _batch_axes(shape: tuple[int, ...], batch: tuple[int, ...]) -> tuple[Affine, ...]:
    skip = len(batch) - len(shape)
    return tuple(
        Affine() if n == 1 and batch[skip + j] != 1 else index(skip + j)
        for j, n in enumerate(shape)
    )
