"""Which values lie in memory row by row, so that a reshape of them may be a view."""

from __future__ import annotations

from gradc_compiler.graph.graph import Node
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.shape import Reshape


def is_contiguous(x: Node) -> bool:
    """Whether a reshape of x may be a view of it: x is row-major without a halo."""
    op = x.op
    if isinstance(op, Reshape):
        return True
    if isinstance(op, Contract) and len(op.operands) > 1:
        ranges = [p.range(op.extents) for p in op.result]
        return all(low >= 0 and high < n for (low, high), n in zip(ranges, op.shape, strict=True))
    return not isinstance(op, Elementwise | Contract)
