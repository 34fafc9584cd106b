"""`@`: the product of matrices and vectors as a contraction."""

from __future__ import annotations

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.ops.matmul_op import matmul_op


def matmul(a: Value, b: Value) -> Value:
    """NumPy's `@`: the last axis of a with the last but one of b (the only one of a vector).

    Raises `TypeFault` where an operand is a scalar or the summed axes differ in size.
    """
    if not a.shape or not b.shape:
        raise TypeFault("a scalar has no axis to sum over; use *")
    inner = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise TypeFault(f"inner sizes {a.shape[-1]} and {inner} differ")
    return a.builder.add(matmul_op(a.shape, b.shape), a, b)
