"""The mean of what examples scatter: one tensor, to which all of them add their rows.

    batch_mean(scatter(x, at)) = scatter(x, at) that also averages over the examples
    batch_mean(total(scatter(x, at))) = the same, of sequences: summed over time, then averaged

This is the derivative of an embedding.  As written, each example (of sequences of unknown length
each element) has a tensor of all classes, of which a few rows are not 0: room and work are those
classes times the examples.  In one tensor they are the rows that are added, as in a framework's
own gradient of an embedding.  How many rows meet in one place nobody knows before they are read,
so what rounding loses is kept (`split_long_sums.py` makes a pair of it).  A few words, once an
example, stay as they are: they fit into a small step's one kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.index import Scatter
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import TimeSum


def average_scattered(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """The rule for means over the examples of a scatter that nothing else reads."""
    users, wanted = graph.users, frozenset(graph.outputs.values())

    def alone(id: int) -> bool:
        return len(users[id]) == 1 and id not in wanted

    def rule(node: Node, xs: list[Value]) -> Value | None:
        if not isinstance(node.op, BatchMean) or not alone(node.inputs[0]):
            return None
        source = graph[node.inputs[0]]
        x = xs[0]
        if isinstance(source.op, TimeSum) and not source.op.pair and alone(source.inputs[0]):
            x = x.builder.value(x.node.inputs[0])
        return _mean(x)

    return rule


def _mean(x: Value) -> Value | None:
    """The mean of a scatter of rows that differ from example to example, None of anything else."""
    if not isinstance(x.node.op, Scatter) or x.node.op.pair or not x.builder.is_varying(x):
        return None
    rows, at = (x.builder.value(i) for i in x.node.inputs)
    small = rows.type.time is None and x.type.size < MACHINE.scattered_words
    if small or rows.type.time != at.type.time:
        return None
    return x.builder.add(replace(x.node.op, mean=True), rows, at, name=x.node.name)
