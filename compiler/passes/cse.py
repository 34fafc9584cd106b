"""Common subexpressions: equal operators on equal operands are one node.  Exact.

Addition and multiplication are looked up with their operands in order, so `a + b` meets `b + a`
(commutative in floating point as well).
"""

from __future__ import annotations

from compiler.graph.graph import Builder, Graph
from compiler.ops.base import Op
from compiler.ops.leaf import Constant, Literal

COMMUTATIVE = frozenset({"add", "mul", "eq", "ne"})


def eliminate_common_subexpressions(graph: Graph) -> Graph:
    """Merge equal nodes; the first keeps its span and name."""
    builder = Builder()
    mapping: dict[int, int] = {}
    seen: dict[tuple[Op, str, tuple[int, ...]], int] = {}
    for node in graph.nodes:
        operands = [mapping[i] for i in node.inputs]
        key_operands = tuple(sorted(operands) if node.op.name in COMMUTATIVE else operands)
        literal = repr(node.op) if isinstance(node.op, Constant | Literal) else ""  # 0.0 == -0.0
        key = (node.op, literal, key_operands)
        if key not in seen:
            seen[key] = builder.copy(node, operands)
        mapping[node.id] = seen[key]
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})
