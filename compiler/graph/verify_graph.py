"""What every graph must satisfy, checked after every pass.

Operands come before their users; each type is what the operator infers; outputs exist; ids count
up; what a loop carries on has the type of what it began with.  A violation is a fault of the
compiler, not of the spec, so it is an assertion.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.graph.types import TensorType


def verify(graph: Graph, after: str = "construction", known: Graph | None = None) -> Graph:
    """The graph itself; raises `AssertionError` naming the node and the pass that broke it.

    `known` has been verified: an operator that meets there what it meets here is not asked again.
    """
    if graph is known:
        return graph
    before = known.nodes if known is not None else ()
    same = _begun_alike(graph.nodes, before)
    twins = {node.tag: node for node in before}
    types = [node.type for node in graph.nodes]
    for position, node in enumerate(graph.nodes[same:], same):
        assert node.id == position, f"{named(node, after)} stands at position {position}"
        inputs, twin = node.inputs, twins.get(node.tag)
        if inputs:
            ordered = min(inputs) >= 0 and max(inputs) < position
            assert ordered, f"{named(node, after)} reads a later node"
        if twin is None or not is_copy(node, types, twin, before):
            verify_type(node, graph, after)
    for name, id in graph.outputs.items():
        assert 0 <= id < len(graph.nodes), f"after {after}: output {name} is not a node"
    verify_carries(graph, after)
    return graph


def _begun_alike(nodes: Sequence[Node], before: Sequence[Node]) -> int:
    """How many nodes two graphs have in common, from the first on."""
    count = 0
    for node, other in zip(nodes, before, strict=False):
        if node is not other:
            break
        count += 1
    return count


def verify_carries(graph: Graph, after: str) -> None:
    """Raises `AssertionError` where a loop's state goes on as another type, or not at all."""
    for node in graph.nodes:
        if not node.op.sequential or (loop := node.op.carried_by) is None:
            continue
        carried = graph.carries.get(loop)
        assert carried is not None, f"{named(node, after)} has nothing to carry on"
        type = graph[carried].type
        assert type == node.type, f"{named(node, after)} carries {type}"


def named(node: Node, after: str) -> str:
    """A node in a message."""
    return f"after {after}: %{node.id} = {node.op.name}"


def is_copy(node: Node, types: Sequence[TensorType], twin: Node, before: Sequence[Node]) -> bool:
    """Whether two nodes are one operator that meets the same types: `types` has those of the
    first's graph, `before` the nodes of the second's.
    """
    if node.op is not twin.op or node.type is not twin.type:
        return False
    if len(node.inputs) != len(twin.inputs):
        return False
    pairs = zip(node.inputs, twin.inputs, strict=True)
    return all(types[i] is before[j].type for i, j in pairs)


def verify_type(node: Node, graph: Graph, after: str) -> None:
    """A node's type is what its operator makes of its operands'."""
    try:
        type = node.op.lifted(*(graph[i].type for i in node.inputs))
    except TypeFault as fault:
        raise AssertionError(f"{named(node, after)}: {fault}") from None
    assert type == node.type, (
        f"{named(node, after)} has type {node.type}, its operator gives {type}"
    )
