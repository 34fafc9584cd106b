"""A step's graph as a person would write it: exact changes of form, made for the printed page.

    reshape(mean(x)) = mean(reshape(x))     a product is written in the shape that is wanted of it
    x + x = 2 x,   2 (c x) = (2 c) x        doubling rounds nothing

An axis of one element is dropped within an expression of the author's, and stays between two: a
`flatten` remains one.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Graph, Node
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_compiler.rewrites.algebra.drop_unit_dims import drop_unit_dims

LARGEST = 1e30  # of a factor that is doubled: nothing overflows, in float32 either


def plain(graph: Graph) -> Graph:
    """The same numbers to the bit, in forms that read well; nodes keep their tags."""
    for change in (means_outside, doubled):
        graph = eliminate_dead_code(change(graph))
    return eliminate_dead_code(drop_unit_dims(graph, within=True))


def means_outside(graph: Graph) -> Graph:
    """A reshape of a mean as the mean of the reshape."""
    builder, mapping = Builder(), dict[int, int]()
    for node in graph.nodes:
        mean = graph[node.inputs[0]] if isinstance(node.op, Reshape) else None
        if mean is None or not isinstance(mean.op, BatchMean):
            mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
            continue
        builder.inherit_provenance(node)
        inner = builder.add(node.op, builder.value(mapping[mean.inputs[0]]))
        mapping[node.id] = builder.copy(replace(node, op=mean.op), [inner.id])
    return _frozen(builder, graph, mapping)


def doubled(graph: Graph) -> Graph:
    """A sum of equal terms as twice the term."""
    builder, mapping = Builder(), dict[int, int]()
    for node in graph.nodes:
        inputs = [mapping[i] for i in node.inputs]
        if node.op.name == "add" and inputs[0] == inputs[1]:
            builder.inherit_provenance(node)
            factor, term = _factor(builder, builder.nodes[inputs[0]])
            two = builder.constant(2 * factor)
            node, inputs = replace(node, op=OPS["mul"]()), [two.id, term]
        mapping[node.id] = builder.copy(node, inputs)
    return _frozen(builder, graph, mapping)


def _factor(builder: Builder, node: Node) -> tuple[float, int]:
    """A value as a number times another."""
    if node.op.name == "mul":
        for number, other in (node.inputs, node.inputs[::-1]):
            op = builder.nodes[number].op
            same = builder.nodes[other].type == node.type
            if isinstance(op, Constant) and not op.shape and same and _doubles(op.value):
                return op.value, other
    return 1.0, node.id


def _doubles(value: float) -> bool:
    return 1 / LARGEST < abs(value) < LARGEST


def _frozen(builder: Builder, graph: Graph, mapping: dict[int, int]) -> Graph:
    return builder.graph({key: mapping[id] for key, id in graph.outputs.items()})
