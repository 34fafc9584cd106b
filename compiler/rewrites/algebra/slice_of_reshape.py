"""Rows of a vector that is seen as a matrix are slices of the vector.

    reshape(x, [4, n])[2] = x[2n : 3n]          for a vector x

So the gates of a cell, written as rows of one product, are known as slices of it, which move ahead
of elementwise operators (`sink_slices.py`).  Exact.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.graph.rebuild import rewrite_nodes
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.shape import Reshape, reshape, slice_axis
from gradc_compiler.rewrites.algebra.simplify import is_view


def slice_of_reshape(graph: Graph) -> Graph:
    """Let every view of a reshaped vector that reads neighbours in order read the vector."""
    found = ((node.id, _start(graph, node)) for node in graph.nodes)
    starts = {id: start for id, start in found if start is not None}

    def rule(node: Node, xs: list[Value]) -> Value:
        builder = xs[0].builder
        builder.origin = node.origin or Origin("slice_vectors", node.tag)
        vector = builder.value(xs[0].node.inputs[0])
        return reshape(slice_axis(vector, 0, starts[node.id], node.type.size), node.type.shape)

    return rewrite_nodes(graph, rule, asked=starts)


def _start(graph: Graph, node: Node) -> int | None:
    """Where in a reshaped vector the numbers of a view begin; None if they are no neighbours."""
    op = node.op
    if not isinstance(op, Contract) or not node.inputs:
        return None
    source = graph[node.inputs[0]]
    if not isinstance(source.op, Reshape) or not is_view(op, source.type.shape):
        return None
    if graph[source.inputs[0]].type.rank != 1:
        return None
    steps, start = [0] * len(op.extents), 0
    for position, stride in zip(op.operands[0], _strides(source.type.shape), strict=True):
        start += position.offset * stride
        for loop, coefficient in position.terms:
            steps[loop] += coefficient * stride
    wanted = zip(op.result, node.type.shape, _strides(node.type.shape), strict=True)
    in_order = all(n == 1 or p.plain is None or steps[p.plain] == s for p, n, s in wanted)
    return start if in_order else None


def _strides(shape: Sequence[int]) -> list[int]:
    """Words from one element to the next along each axis."""
    strides = [1]
    for n in reversed(shape[1:]):
        strides.insert(0, strides[0] * n)
    return strides[: len(shape)]
