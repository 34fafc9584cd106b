"""The gradient of a transposed matrix is summed up in the order in which the matrix lies.

    transpose(mean of contract(a, b)) = mean of contract(a, b), with its axes exchanged

where only the transposition reads the mean.  In y = x @ transpose(W) the gradient of W comes out
transposed: an optimiser that reads it along the rows of W would load a cache line for every number.
Exact.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Graph, Node
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.shape import transposed_axes


def fold_transpose(graph: Graph) -> Graph:
    """Write every mean of a product with the axes in the order in which it is read."""
    users, wanted = graph.users, set(graph.outputs.values())
    builder, mapping = Builder(), dict[int, int]()
    for node in graph.nodes:
        source = graph[node.inputs[0]] if node.inputs else node
        if len(users[source.id]) == 1 and source.id not in wanted:
            node = _turned(node, source)
        mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})


def _turned(node: Node, source: Node) -> Node:
    """A transposition of a mean as that mean; any other node as it is."""
    op, axes = source.op, transposed_axes(node.op, source.type.shape)
    if axes is None or not isinstance(op, Contract) or not op.mean or len(op.operands) != 2:
        return node
    result = tuple(op.result[axis] for axis in axes)
    turned = replace(op, result=result, shape=node.type.shape)
    return replace(source, id=node.id, op=turned, type=node.type)
