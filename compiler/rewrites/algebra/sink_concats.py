"""Concatenations and reshapes of vectors move behind elementwise operators.

    f(concat(a, b), y) = concat(f(a, y[:n]), f(b, y[n:]))       where only f reads the concatenation
    f(reshape(a), reshape(b)) = reshape(f(a, b))

The cotangents of a recurrent cell's gates are concatenated for one product.  An elementwise
operator between the gates and that product is computed for each gate before they are joined, in the
kernel that made the gate.  Other readers of the concatenation then read slices, which can move as
well (`sink_slices.py`).  Exact.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.graph.rebuild import rewrite_nodes
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.shape import Concat, Reshape, reshape, slice_axis
from gradc_compiler.rewrites.algebra.simplify import is_view


def sink_concats(graph: Graph) -> Graph:
    """Compute with the parts of vectors before they are joined, and before they are reshaped."""
    users, wanted = graph.users, set(graph.outputs.values())

    def rule(node: Node, xs: list[Value]) -> Value | None:
        if not isinstance(node.op, Elementwise) or not xs:
            return None
        builder = xs[0].builder
        builder.origin = node.origin or Origin("move_concats", node.tag)
        own = [users[i] == [node.id] and i not in wanted for i in node.inputs]
        new = None
        if node.id not in wanted and _ends_in_views(graph, node, users[node.id]):
            new = _as_vectors(builder, node, xs)
        return new or _by_parts(builder, node, xs, own)

    return rewrite_nodes(graph, rule)


def _ends_in_views(graph: Graph, node: Node, readers: Sequence[int]) -> bool:
    """Whether nobody wants a node in its shape: a sum over an axis would."""
    return all(
        isinstance(op, Elementwise | Reshape)
        or (isinstance(op, Contract) and len(op.operands) == 1 and is_view(op, node.type.shape))
        for op in (graph[i].op for i in readers)
    )


def _as_vectors(builder: Builder, node: Node, operands: Sequence[Value]) -> Value | None:
    """f of reshaped vectors and scalars, as f of vectors."""
    if any(x.shape not in ((), node.type.shape) for x in operands):
        return None
    vectors = [_vector(x) if x.shape else x for x in operands]
    known = [x for x in vectors if x is not None]
    if len(known) < len(vectors) or not any(x.shape for x in known):
        return None
    return reshape(builder.add(node.op, *known, name=node.name), node.type.shape)


def _vector(x: Value) -> Value | None:
    """What is reshaped, if it is a vector."""
    source = x.builder.value(x.node.inputs[0]) if isinstance(x.node.op, Reshape) else x
    return source if source is not x and source.type.rank == 1 else None


def _by_parts(
    builder: Builder, node: Node, operands: Sequence[Value], own: Sequence[bool]
) -> Value | None:
    """f of a concatenation of vectors that only it reads, and of other vectors or scalars."""
    joined = [
        x for x, mine in zip(operands, own, strict=True) if mine and isinstance(x.node.op, Concat)
    ]
    if len(joined) != 1 or any(x.shape not in ((), node.type.shape) for x in operands):
        return None
    if node.type.rank != 1 or joined[0].shape != node.type.shape:
        return None
    start, parts = 0, []
    for id in joined[0].node.inputs:
        part = builder.value(id)
        (size,) = part.shape
        own_operands = [
            part if x is joined[0] else slice_axis(x, 0, start, size) if x.shape else x
            for x in operands
        ]
        parts.append(builder.add(node.op, *own_operands))
        start += size
    return builder.add(Concat(0), *parts, name=node.name)
