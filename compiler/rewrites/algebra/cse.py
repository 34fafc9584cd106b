"""Common subexpression elimination: equal operators on equal operands become one node.  Exact.

Two recurrences are equal if they start with the same value and, assuming that they are equal, carry
the same value to the next step.

Addition and multiplication are looked up with their operands in order, so `a + b` meets `b + a`
(commutative in floating point as well).  What is marked to be computed anew for each reader, from
values that are the same for all examples, stays as often as it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.outputs import Carry, OutputKey
from gradc_compiler.graph.remat_mark import Remat
from gradc_compiler.ops.leaf import Constant, Literal
from gradc_compiler.ops.sequence import Previous

COMMUTATIVE = frozenset({"add", "mul", "eq", "ne"})


def eliminate_common_subexpressions(graph: Graph) -> Graph:
    """Merge equal nodes; the first keeps its span and name."""
    carries = graph.carries
    equal = dict.fromkeys(carries, 0)  # loops in classes: at first all of them in one
    while True:
        builder, mapping = _merged(graph, equal)
        carried = {loop: (equal[loop], mapping[id]) for loop, id in carries.items()}
        classes = {key: number for number, key in enumerate(dict.fromkeys(carried.values()))}
        finer = {loop: classes[key] for loop, key in carried.items()}
        if len(classes) == len(set(equal.values())):
            return builder.graph(_outputs(graph, builder, mapping))
        equal = finer


def _merged(graph: Graph, equal: Mapping[int, int]) -> tuple[Builder, dict[int, int]]:
    """The nodes, equal ones merged, if the loops of a class are taken for equal."""
    builder = Builder()
    mapping: dict[int, int] = {}
    seen: dict[tuple[Op, str, tuple[int, ...]], int] = {}
    for node in graph.nodes:
        operands = [mapping[i] for i in node.inputs]
        key_operands = tuple(sorted(operands) if node.op.name in COMMUTATIVE else operands)
        literal = repr(node.op) if isinstance(node.op, Constant | Literal) else ""  # 0.0 == -0.0
        op = node.op
        if isinstance(op, Previous):
            op = replace(op, loop=equal[op.loop])
        key = (op, literal, key_operands)
        anew = node.remat is Remat.MUST and graph.varying.isdisjoint(node.inputs)
        if anew or key not in seen:
            seen[key] = builder.copy(node, operands)
        mapping[node.id] = seen[key]
    return builder, mapping


def _outputs(graph: Graph, builder: Builder, mapping: Mapping[int, int]) -> dict[OutputKey, int]:
    """All results, and the carries of the loops that were kept."""
    kept = {node.op.carried_by for node in builder.nodes}
    dropped = {Carry(loop) for loop in graph.carries if loop not in kept}
    return {name: mapping[id] for name, id in graph.outputs.items() if name not in dropped}
