"""Constant folding: a small node whose operands are all constants becomes a constant.

Exact in float64, in which constants are kept; in float32 the result is rounded once instead of at
every step, so it may differ in the last bit.
"""

from __future__ import annotations

import numpy as np

from compiler.graph.graph import Builder, Graph, Node
from compiler.graph.types import Kind
from compiler.ops.base import Array
from compiler.ops.leaf import Constant, Iota, Literal

LARGEST = 4096  # elements; what is larger is computed when the program runs


def fold_constants(graph: Graph) -> Graph:
    """Evaluate constant nodes with the reference evaluation."""
    builder, mapping = Builder(), {}
    known: dict[int, Array] = {}
    for node in graph.nodes:
        builder.follow(node)
        if node.op.name in ("constant", "literal") or _foldable(node, known):
            array = node.op.reference(*(known[i] for i in node.inputs))
            if node.type.size <= LARGEST:
                known[node.id] = np.asarray(array, float)
        if node.id in known and node.inputs:
            mapping[node.id] = builder.add(_constant(known[node.id][0]), name=node.name).id
        else:
            mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})


def _foldable(node: Node, known: dict[int, Array]) -> bool:
    pure = bool(node.inputs) or isinstance(node.op, Iota)
    small = node.type.size <= LARGEST and node.type.kind is Kind.REAL and not node.op.sequential
    return pure and small and all(i in known for i in node.inputs)


def _constant(array: Array) -> Constant | Literal:
    values = array.reshape(-1)
    if values.size and bool(np.all(values == values[0])):
        return Constant(float(values[0]), array.shape)
    return Literal(tuple(map(float, values)), array.shape)
