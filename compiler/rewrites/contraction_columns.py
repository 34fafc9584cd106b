"""Which loop of a contraction goes through memory word by word, and what its views look at."""

from __future__ import annotations

from gradc_compiler.graph.graph import Value
from gradc_compiler.ops.contract import Contract, Map
from gradc_compiler.ops.shape import transposed_axes


def column_loop(op: Contract) -> int | None:
    """The loop along which the result is contiguous: its last axis of more than one element."""
    for position, size in zip(reversed(op.result), reversed(op.shape), strict=True):
        units = [loop for loop, c in position.terms if c == 1 and op.extents[loop] > 1]
        if units:
            return units[-1]
        if size > 1:
            return None
    return None


def turned_back(x: Value, m: Map) -> tuple[Value, Map]:
    """What a transposed view looks at, read directly: its last axis is then the one in memory."""
    while x.node.inputs:
        source = x.builder.value(x.node.inputs[0])
        axes = transposed_axes(x.node.op, source.shape)
        if axes is None:
            break
        x, m = source, tuple(m[axes.index(axis)] for axis in range(len(axes)))
    return x, m
