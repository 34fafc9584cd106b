"""Constant folding: a small node whose operands are all constants becomes a constant.

Constants are kept in float64, and a spec does not say how wide its numbers will be.  So where every
operator rounds once, as a sum and a quotient do, it is done now if that gives the bits of a run in
float32 as well; else it is left for the run.  Functions such as `exp`, and sums over axes, are done
now: they have a bound, not bits.
"""

from __future__ import annotations

import numpy as np

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.op import Array
from gradc_compiler.graph.rebuild import rewrite_nodes
from gradc_compiler.graph.types import Kind
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.leaf import Constant, Iota, Literal

LARGEST = MACHINE.folded_elements  # elements; what is larger is computed when the program runs


def fold_constants(graph: Graph) -> Graph:
    """Evaluate constant nodes with the reference evaluation."""
    known: dict[int, Array] = {}
    for node in graph.nodes:
        if node.type.size <= LARGEST and (_given(node) or _foldable(node, known)):
            array = np.asarray(node.op.reference(*(known[i] for i in node.inputs)), float)
            if _same_in_float32(node, array, known):
                known[node.id] = array

    def rule(node: Node, xs: list[Value]) -> Value:
        return xs[0].builder.add(_constant(known[node.id][0]), name=node.name)

    return rewrite_nodes(graph, rule, asked={id for id in known if graph[id].inputs})


def _given(node: Node) -> bool:
    return node.op.name in ("constant", "literal")


def _foldable(node: Node, known: dict[int, Array]) -> bool:
    pure = bool(node.inputs) or isinstance(node.op, Iota)
    plain = node.type.kind is Kind.REAL and not node.op.sequential
    return pure and plain and all(i in known for i in node.inputs)


def _same_in_float32(node: Node, array: Array, known: dict[int, Array]) -> bool:
    """Whether a run in float32 would find the same numbers, none of them below the normal range."""
    if not isinstance(node.op, Elementwise) or node.op.approximate:
        return True
    with np.errstate(all="ignore"):
        operands = [known[i].astype(np.float32) for i in node.inputs]
        narrow, wide = node.op.reference(*operands), array.astype(np.float32)
    numbers = np.concatenate([x.reshape(-1) for x in (*operands, wide)])
    normal = (numbers == 0) | ~(np.abs(numbers) < np.finfo(np.float32).tiny)
    same = np.array_equal(narrow, wide, equal_nan=True)
    return bool(same and normal.all() and np.array_equal(np.signbit(narrow), np.signbit(wide)))


def _constant(array: Array) -> Constant | Literal:
    values = array.reshape(-1)
    same = values == values[:1]
    if values.size and bool(np.all(same & (np.signbit(values) == np.signbit(values[:1])))):
        return Constant(float(values[0]), array.shape)
    return Literal(tuple(map(float, values)), array.shape)
