"""How far an index goes, so that no row is read or written that a table does not have.

An index is a label, below its number of classes, or a place in a sequence, below its length; what
reorders, repeats or picks of these goes no further.  So every index is bounded by a number, which
is compared with the rows while a spec is compiled, or by the length of a sequence, which the
runtime compares with `limits_of` before a step begins.  Kernels need no check.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import Limit, Time
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.sequence import Last, TimePosition


def bound_of(nodes: Sequence[Node], id: int) -> Time | None:
    """What an index is below: a number, or (a text) the length of a time; None if nothing says."""
    node = nodes[id]
    while node.type.classes is None:
        if isinstance(node.op, TimePosition):
            return node.op.time
        if isinstance(node.op, Last) and node.op.first:
            return 1 if bound_of(nodes, node.inputs[0]) is not None else None
        if not node.inputs:
            return None
        node = nodes[node.inputs[0]]
    return node.type.classes


def source_of(nodes: Sequence[Node], id: int) -> Node:
    """The node that an index comes from: an input, an `argmax`, a `place`."""
    node = nodes[id]
    while node.inputs and nodes[node.inputs[0]].type.kind is node.type.kind:
        node = nodes[node.inputs[0]]
    return node


def limits_of(graph: Graph) -> tuple[Limit, ...]:
    """For each time by whose places rows are read or written, the fewest rows there are."""
    found: dict[str, Limit] = {}
    for node in graph.nodes:
        match node.op:
            case Take():
                rows = graph[node.inputs[0]].type.shape[0]
            case Scatter(rows=rows):
                pass
            case _:
                continue
        time = bound_of(graph.nodes, node.inputs[1])
        known = found.get(time) if isinstance(time, str) else None
        if isinstance(time, str) and (known is None or rows < known.rows):
            found[time] = _limit(time, rows, node)
    return tuple(found.values())


def _limit(time: str, rows: int, node: Node) -> Limit:
    """The limit that a node sets; what a derivative adds is preceded by what it derives."""
    assert node.span is not None, f"{node.op.name} by a place was written by an author"
    return Limit(time, rows, " ".join(node.span.text.split()), str(node.span))
