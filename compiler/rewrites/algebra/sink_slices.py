"""Slices move ahead of elementwise operators.

    slice(f(a, b)) = f(slice(a), slice(b))      where nobody reads f(a, b) but slices of it

The gates of a recurrent cell are slices of one sum: computed slice by slice, they need no room of
their own and join the kernel that reads them.  Exact.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.rewrites.algebra.simplify import is_view


def sink_slices(graph: Graph) -> Graph:
    """Compute the slices that are read, instead of the whole."""
    moved = _moved(graph)
    if not moved:
        return graph
    builder, mapping = Builder(), dict[int, int]()
    for node in graph.nodes:
        source = graph[node.inputs[0]] if node.inputs else node
        if source.id in moved:
            builder.inherit_provenance(node)
            mapping[node.id] = _sliced(builder, source, node, mapping).id
        else:
            mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})


def _moved(graph: Graph) -> set[int]:
    """Elementwise nodes that only slices read, and those no more than the whole."""
    users, wanted, moved = graph.users, set(graph.outputs.values()), set[int]()
    for node in graph.nodes:
        readers = [graph[u] for u in dict.fromkeys(users[node.id])]
        if not isinstance(node.op, Elementwise) or node.id in wanted or not readers:
            continue
        whole = all(graph[i].type.shape in (node.type.shape, ()) for i in node.inputs)
        slices = all(_is_slice(reader, node) for reader in readers)
        if whole and slices and sum(r.type.size for r in readers) <= node.type.size:
            moved.add(node.id)
    return moved


def _is_slice(reader: Node, node: Node) -> bool:
    return (
        isinstance(reader.op, Contract)
        and len(reader.inputs) == 1
        and is_view(reader.op, node.type.shape)
        and reader.type.size < node.type.size
    )


def _sliced(builder: Builder, source: Node, view: Node, mapping: Mapping[int, int]) -> Value:
    operands = [builder.value(mapping[i]) for i in source.inputs]
    sliced = [builder.add(view.op, x) if x.shape == source.type.shape else x for x in operands]
    return builder.add(source.op, *sliced, name=view.name)
