"""The mean over the examples moves into the contraction that feeds it.

    batch_mean(contract(a, b)) = contract(a, b) that also averages over the examples
    batch_mean(total(contract(a, b))) = the same, of sequences: summed over time, then averaged

One sum instead of one tensor for each example: the gradient of a weight is never stored per
example. Exact but for the order of the sum.  A contraction that others read as well stays as it is.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import TimeSum


def fuse_batch_reduction(graph: Graph) -> Graph:
    """Rewrite every batch_mean of a contraction that only it reads, or of a uniform value."""
    users, varying = graph.users, graph.varying
    wanted = frozenset(graph.outputs.values())
    builder = Builder()
    mapping: dict[int, int] = {}
    for node in graph.nodes:
        operands = [mapping[i] for i in node.inputs]
        if isinstance(node.op, BatchMean):
            source = graph[node.inputs[0]]
            if source.id not in varying:
                mapping[node.id] = mapping[source.id]
                continue
            alone = len(users[source.id]) == 1 and source.id not in wanted
            if isinstance(source.op, TimeSum) and alone:
                source = graph[source.inputs[0]]
                alone = len(users[source.id]) == 1 and source.id not in wanted
            if isinstance(source.op, Contract) and alone:
                fused = replace(node, op=replace(source.op, mean=True), origin=source.origin)
                mapping[node.id] = builder.copy(fused, [mapping[i] for i in source.inputs])
                continue
        mapping[node.id] = builder.copy(node, operands)
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})
