"""What every graph must satisfy, checked after every pass.

Operands come before their users; each type is what the operator infers; outputs exist; ids count
up; what a loop carries on has the type of what it began with.  A violation is a fault of the
compiler, not of the spec, so it is an assertion.
"""

from __future__ import annotations

from compiler.graph.graph import Graph
from compiler.ops.base import TypeFault


def verify(graph: Graph, after: str = "construction") -> Graph:
    """The graph itself; raises `AssertionError` naming the node and the pass that broke it."""
    for position, node in enumerate(graph.nodes):
        where = f"after {after}: %{node.id} = {node.op.name}"
        assert node.id == position, f"{where} stands at position {position}"
        assert all(0 <= i < position for i in node.inputs), f"{where} reads a later node"
        try:
            type = node.op.lifted(*(graph[i].type for i in node.inputs))
        except TypeFault as fault:
            raise AssertionError(f"{where}: {fault}") from None
        assert type == node.type, f"{where} has type {node.type}, its operator gives {type}"
    for name, id in graph.outputs.items():
        assert 0 <= id < len(graph.nodes), f"after {after}: output {name} is not a node"
    for node in graph.nodes:
        if node.op.carried_by is not None:
            carried = graph.carries.get(node.op.carried_by)
            where = f"after {after}: %{node.id} = {node.op.name}"
            assert carried is not None, f"{where} has nothing to carry on"
            assert graph[carried].type == node.type, f"{where} carries {graph[carried].type}"
    return graph
