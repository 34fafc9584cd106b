"""Contractions with a small constant matrix, which `unroll_constant_matmul` writes out as sums.

Such are the transforms of a Winograd convolution.
"""

from __future__ import annotations

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Literal
from gradc_compiler.rewrites.conv.match import covers, depends_on

WRITTEN_OUT = "unroll-constant-matmul"  # the switch of this optimisation
MOST = MACHINE.matrix_numbers  # numbers of a matrix


def has_small_matrix(graph: Graph, node: Node) -> bool:
    """Whether a node is a product with a literal that alone has the loops i and j."""
    op = node.op
    if not isinstance(op, Contract) or len(op.operands) != 2 or op.mean:
        return False
    literal = graph[node.inputs[1]].op
    loops = [p.plain for p in op.operands[1]]
    if not isinstance(literal, Literal) or len(literal.values) > MOST or len(loops) != 2:
        return False
    i, j = loops
    if i is None or j is None or literal.shape != (op.extents[i], op.extents[j]):
        return False
    apart = not depends_on(op.operands[0], i) and not depends_on(op.result, j)
    written = all(depends_on(op.result, loop) for loop in range(len(op.extents)) if loop != j)
    return apart and written and covers(op)
