"""The column loop of a contraction: the loop along which its result is contiguous in memory.

Library kernels compute a vector of results along that loop at once.  A product often reads an
operand through a view, such as a transposition.  The view costs nothing, but may hide that the
operand is contiguous along the column loop.
"""

from __future__ import annotations

from gradc_compiler.graph.graph import Value
from gradc_compiler.ops.contract import Contract, Map
from gradc_compiler.ops.shape import transposed_axes


def column_loop(op: Contract) -> int | None:
    """The loop of the result's last axis of more than one element; None if it is no loop."""
    for position, size in zip(reversed(op.result), reversed(op.shape), strict=True):
        units = [loop for loop, c in position.terms if c == 1 and op.extents[loop] > 1]
        if units:
            return units[-1]
        if size > 1:
            return None
    return None


def turned_back(x: Value, m: Map) -> tuple[Value, Map]:
    """A value without the transpositions that it is seen through, and the positions at which it
    must then be read.

    Its last axis is the one that is contiguous.
    """
    while x.node.inputs:
        source = x.builder.value(x.node.inputs[0])
        axes = transposed_axes(x.node.op, source.shape)
        if axes is None:
            break
        x, m = source, tuple(m[axes.index(axis)] for axis in range(len(axes)))
    return x, m
