"""A sum of pieces that lie side by side is their concatenation.

    pad(a, 0, 2) + pad(b, 1, 1) + pad(c, 2, 0) = concat(a, b, c)      along the padded axis

The derivative of a slice is such a padded tensor: a piece of the cotangent, and zeros elsewhere.
Where the slices make up the whole value, their derivatives fill its cotangent, and no zeros need be
written and added.  A row of a matrix is a piece as well.  Pieces along the first axis are joined as
vectors.  Exact, except that -0 stays -0.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import add as Add
from gradc_compiler.ops.shape import Concat, reshape

Piece = tuple[int, int, int, int]  # axis, start along it, length, the node that lies there


def pads_to_concat(graph: Graph) -> Graph:
    """Write every sum of pieces that fill an axis as a concatenation."""
    pieces_of = _sums_of_pieces(graph)
    if not pieces_of:
        return graph
    builder, mapping = Builder(), dict[int, int]()
    for node in graph.nodes:
        builder.inherit_provenance(node)
        pieces = pieces_of.get(node.id)
        joined = None if pieces is None else _joined(builder, mapping, graph, node.id, pieces)
        if joined is None:
            mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
        else:
            mapping[node.id] = joined.id
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})


def _sums_of_pieces(graph: Graph) -> dict[int, list[Piece]]:
    """The terms of every sum whose terms are all pieces."""
    found: dict[int, list[Piece]] = {}
    others = set[int]()  # sums that have a term which is none, and so has every sum of theirs
    for node in graph.nodes:
        if isinstance(node.op, Add):
            pieces = _pieces(graph, node.id, others)
            if pieces is None:
                others.add(node.id)
            else:
                found[node.id] = pieces
    return found


def _pieces(graph: Graph, root: int, others: Collection[int]) -> list[Piece] | None:
    """Axis, start and source of every term of a sum; None if one of them is no piece."""
    stack, found = [root], []
    while stack:
        node = graph[stack.pop()]
        if node.id in others:
            return None
        if isinstance(node.op, Add) and all(graph[i].type == node.type for i in node.inputs):
            stack.extend(node.inputs)
            continue
        place = _placed(node.op) if isinstance(node.op, Contract) else None
        if place is None:
            return None
        found.append((*place, node.inputs[0]))
    return found


def _placed(op: Contract) -> tuple[int, int, int] | None:
    """The axis along which an operand is put into zeros, where it starts, and its length there.

    An axis that the operand has not got is one along which it has one element.
    """
    plain = [p.plain for p in op.operands[0]]
    if len(op.operands) != 1 or op.mean or plain != [*range(len(op.extents))]:
        return None
    missing = [j for j, position in enumerate(op.result) if not position.terms]
    if len(op.extents) + len(missing) != len(op.shape) or len(missing) > 1:
        return None
    sizes = list(op.extents)
    for j in missing:
        sizes.insert(j, 1)
    longer = [j for j, (n, m) in enumerate(zip(sizes, op.shape, strict=True)) if n != m]
    if len(longer) != 1 or missing not in ([], longer) or not _in_order(op, missing, longer[0]):
        return None
    (axis,) = longer
    start = op.result[axis].offset
    return (axis, start, sizes[axis]) if 0 <= start <= op.shape[axis] - sizes[axis] else None


def _in_order(op: Contract, missing: Sequence[int], axis: int) -> bool:
    """Whether the loops go along the other axes in turn, each from its first element."""
    loops = iter(range(len(op.extents)))
    return all(
        (j in missing or position.terms == ((next(loops), 1),))
        and (j == axis or not position.offset)
        for j, position in enumerate(op.result)
    )


def _joined(
    builder: Builder,
    mapping: dict[int, int],
    graph: Graph,
    root: int,
    pieces: list[Piece],
) -> Value | None:
    """The concatenation, if the pieces lie along one axis and fill it without overlap."""
    axes, ordered = {piece[0] for piece in pieces}, sorted(pieces, key=lambda p: p[1])
    if len(axes) != 1:
        return None
    axis, end, shape = axes.pop(), 0, graph[root].type.shape
    for _, start, length, _ in ordered:
        if start != end:
            return None
        end += length
    if end != shape[axis]:
        return None
    parts = []
    for _, _, length, source in ordered:
        part, inner = builder.value(mapping[source]), prod(shape[axis + 1 :])
        whole = (length * inner,) if axis == 0 else (*shape[:axis], length, *shape[axis + 1 :])
        parts.append(reshape(part, whole))
    return reshape(builder.add(Concat(axis), *parts, name=graph[root].name), shape)
