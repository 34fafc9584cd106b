"""Which nodes a derivative goes through: those between what is moved and what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.ops.sequence import Previous


def path_between(graph: Graph, sources: Iterable[int], targets: Iterable[int]) -> set[int]:
    """Nodes that depend on a source and that a target depends on."""
    forward, before, carries = set(sources), -1, graph.carries
    while len(forward) != before:  # twice where there are carries: they lead back
        before = len(forward)
        for node in graph.nodes:
            loop = node.op.carried_by
            carried = None if loop is None else carries.get(loop)
            if carried in forward or any(i in forward for i in node.inputs):
                forward.add(node.id)
    return forward & graph.reachable(targets)


def crosses_time(builder: Builder, y: Value, x: Value) -> bool:
    """Whether an element of the sequence y depends on other elements of the sequence x."""
    path = path_between(builder.graph({}), [x.id], [y.id])
    own = x.node.op.carried_by
    if own is not None and builder.carries.get(own) in path:
        return True
    return any(builder.nodes[id].op.sequential for id in path - {x.id})


def carried_on(builder: Builder, active: Sequence[Node]) -> dict[int, int]:
    """What each recurrence on the way carries: `previous` -> a node."""
    found, numbers = {}, {node.id for node in active}
    for node in sorted(active, key=lambda n: n.id):
        if isinstance(node.op, Previous) and builder.carries.get(node.op.loop) in numbers:
            found[node.id] = builder.carries[node.op.loop]
    return found
