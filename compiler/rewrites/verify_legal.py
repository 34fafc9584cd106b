"""The verifier of graphs that go to kernels: after the second stage, every demand of kernels is
met.

`legalize.py` makes the copies and forms that kernels need, and `copy_outputs` those of outputs.  A
row that came after them and made a node of its own could undo that, and no kernel would notice: it
would read words that are not there, or take one example's number for a mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph_tools.contiguous import is_contiguous
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.elementwise import copy as Copy
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.rewrites.contraction_columns import column_loop
from gradc_compiler.rewrites.legalize import packing


def verify_legal(graph: Graph) -> Graph:
    """The graph; raises `AssertionError`, naming the node, if a kernel would not compute one as it
    is meant.
    """
    for node in graph.nodes:
        for fault in _faults(graph, node):
            raise AssertionError(f"for kernels: %{node.id} = {node.op.name} {fault}")
    for id, times in Counter(graph.results.values()).items():
        assert times == 1, f"for kernels: {times} outputs are %{id}"
    return graph


def _faults(graph: Graph, node: Node) -> Iterator[str]:
    match node.op:
        case BatchMean():
            yield "is no sum over examples"
        case Contract() as op:
            for k, i in enumerate(node.inputs):
                source = graph[i]
                outside = op.reads_outside(k, source.type.shape)
                if outside and not isinstance(source.op, Elementwise):
                    yield f"reads outside of %{i}, which has no halo"
            if len(node.inputs) == 2 and any(_columns_apart(graph, node, k) for k in packing(op)):
                yield "reads columns that are not side by side"
        case op if op.row_major:
            for i in node.inputs:
                if not (is_contiguous(graph[i]) or isinstance(graph[i].op, Copy)):
                    yield f"is a view of %{i}, which may lie otherwise"


def _columns_apart(graph: Graph, node: Node, k: int) -> bool:
    """Whether operand k has axes of several numbers after the axis that the column loop goes along.

    Axes of one number do not matter, since columns lie side by side even so.
    """
    op = node.op
    assert isinstance(op, Contract), "columns are those of a contraction"
    loop, shape = column_loop(op), graph[node.inputs[k]].type.shape
    axis = next(j for j, p in enumerate(op.operands[k]) if p.plain == loop)
    return any(n != 1 for n in shape[axis + 1 :])
