"""Contractions look through reshapes that only add or drop axes of one element.

    contract(reshape(x)) = contract(x)          a position that is always 0 is left out or put in
    reshape(contract(x)) = contract(x)          where only the reshape reads the contraction

A convolution says its groups as an axis, of one element where there is one group.  A reshape wants
its operand without a border, a contraction's may have one: without the reshape nothing is copied.
Exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Graph, Node
from gradc_compiler.ops.contract import Affine, Contract, Map
from gradc_compiler.ops.shape import Reshape

ZERO = Affine()


def drop_unit_dims(graph: Graph, *, within: bool = False) -> Graph:
    """Let every contraction read and write without the axes that a reshape adds or drops.

    `within`: only where one expression of the author's became both, so that a layer is what it
    says and two layers stay two.
    """
    users, wanted = graph.users, set(graph.outputs.values())
    builder, mapping = Builder(), dict[int, int]()
    for node in graph.nodes:
        if isinstance(node.op, Reshape):
            source = graph[node.inputs[0]]
            apart = within and source.span != node.span
            if len(users[source.id]) == 1 and source.id not in wanted and not apart:
                node = _written(node, source)
        if isinstance(node.op, Contract):
            node = _read(graph, node, node.op, within=within)
        mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})


def _written(node: Node, source: Node) -> Node:
    """A reshape of a contraction as that contraction, with the reshape's shape."""
    op, shape = source.op, node.type.shape
    if not isinstance(op, Contract):
        return node
    result = seen_through(op.result, op, op.shape, shape)
    if result is None:
        return node
    return replace(source, id=node.id, op=replace(op, result=result, shape=shape), type=node.type)


def _read(graph: Graph, node: Node, op: Contract, *, within: bool) -> Node:
    """A contraction that reads what its reshaped operands are reshaped from."""
    inputs, maps = list(node.inputs), list(op.operands)
    for k, id in enumerate(node.inputs):
        apart = within and graph[id].span != node.span
        if isinstance(graph[id].op, Reshape) and not apart:
            source = graph[graph[id].inputs[0]]
            seen = seen_through(maps[k], op, graph[id].type.shape, source.type.shape)
            if seen is not None:
                inputs[k], maps[k] = source.id, seen
    if inputs == [*node.inputs]:
        return node
    return replace(node, op=replace(op, operands=tuple(maps)), inputs=tuple(inputs))


def seen_through(
    positions: Map, op: Contract, shape: Sequence[int], other: Sequence[int]
) -> Map | None:
    """The positions in a tensor of another shape with the same axes but for some of one element.

    None where the shapes differ in more, or where one of `positions` that would be left out is not
    always 0.
    """
    rest = list(zip(positions, shape, strict=True))
    found: list[Affine] = []
    for size in other:
        while rest and rest[0][1] == 1 != size:
            if rest.pop(0)[0].range(op.extents) != (0, 0):
                return None
        if rest and rest[0][1] == size:
            found.append(rest.pop(0)[0])
        elif size == 1:
            found.append(ZERO)
        else:
            return None
    left_out = all(n == 1 and p.range(op.extents) == (0, 0) for p, n in rest)
    return tuple(found) if left_out else None
