"""The reference evaluator: a graph, operator by operator, in NumPy.

The oracle for every back end and every pass.  Arrays carry a leading axis over examples (length 1
where a value is uniform), so that it reads like the per-example meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from compiler.graph.graph import Graph, Node
from compiler.graph.types import Kind
from compiler.ops.leaf import Input, Persistent
from compiler.ops.random import Random

Array = np.ndarray


def evaluate(
    graph: Graph,
    values: Mapping[str, Array],
    batch: int = 1,
    dtype: str = "float64",
    first: int = 0,
) -> dict[str, Array]:
    """The graph's outputs: `[batch, *shape]` where varying, `shape` where uniform.

    `values` has an array `[batch, *shape]` for each input and `shape` for each persistent.  `first`
    is the number of the first example within its batch, which random draws are keyed by.
    Raises `KeyError` naming a missing input.
    """
    varying = graph.varying()
    known = dict(node_values(graph, values, batch, dtype, first))
    result = {}
    for name, id in graph.outputs.items():
        array = known[id]
        wanted = np.broadcast_to(array, (batch, *array.shape[1:])) if id in varying else array[0]
        result[name] = np.array(wanted)
    return result


def node_values(
    graph: Graph, values: Mapping[str, Array], batch: int, dtype: str, first: int = 0
) -> Iterator[tuple[int, Array]]:
    """Each node's number and array, in order, as they are computed."""
    known: dict[int, Array] = {}
    for node in graph.nodes:
        array = _node(node, known, values, batch, first)
        kind = dtype if node.type.kind is Kind.REAL else "int64"
        known[node.id] = np.asarray(array).astype(kind, copy=False)
        yield node.id, known[node.id]


def _node(
    node: Node, known: Mapping[int, Array], values: Mapping[str, Array], batch: int, first: int
) -> Array:
    operands = [known[i] for i in node.inputs]
    match node.op:
        case Input(key=key, shape=shape):
            return np.asarray(values[key]).reshape(batch, *shape)
        case Persistent(key=key, shape=shape):
            return np.asarray(values[key]).reshape(1, *shape)
        case Random() as op:
            seed, step = (int(x.reshape(-1)[0]) for x in operands)
            examples = np.zeros(1, np.int64) if op.shared else np.arange(first, first + batch)
            return op.sample(seed, step, examples)
        case op:
            return op.reference(*operands)
