"""What the values of a loss are called: as the author calls them, else c1, c2, ... in order.

`gradc explain`, `gradc derive` and the derived program all take names from here, so that one value
has one name wherever it is met.  A parameter goes without the name of its model, a model's result
by the name of the model; what a recurrence carries on is h where its author calls it nothing; a
second value of a name is `h_2`.  How a value moves is called after it: `dot_h`, its tangent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.ops.sequence import Previous

JVP = "jvp of "
Place = tuple[int, int]  # of an expression: where its text begins and ends


def value_labels(
    graph: Graph, shown: Sequence[Node], target: tuple[int, str], results: Mapping[Place, str]
) -> dict[int, str]:
    """A name of its own for each node shown; `target` has one given, `results` names models by the
    place of what they give.
    """
    last = {(n.span.start, n.span.end): n.id for n in shown if n.span is not None}
    given = {last[place]: name for place, name in results.items() if place in last}
    given[target[0]] = target[1]
    names: dict[int, str] = {}
    carried = dict.fromkeys(graph.carries.values(), "h")
    moved = tangent_owners(graph)
    taken = {leaf_name(node) for node in shown} - {None}
    count = 0
    for node in shown:
        name = given.get(node.id) or _own_name(node, names.get(moved.get(node.id, -1)))
        name = name or carried.get(node.id)
        if name is None:
            count += 1
            name = f"c{count}"
        free = leaf_name(node) == name or name not in taken
        known = {*names.values()}
        names[node.id] = name if free and name not in known else _numbered(name, {*known, *taken})
    return _with_steps_before(graph, names)


def _own_name(node: Node, moves: str | None) -> str | None:
    """What an author or the language calls a value; of a tangent of what `moves`, by that."""
    tangent = None if moves is None else tangent_label(moves)
    return leaf_name(node) or node.name or tangent


def _numbered(name: str, taken: Iterable[str | None]) -> str:
    """`h_2`, or the first such that is free."""
    number, used = 2, {*taken}
    while f"{name}_{number}" in used:
        number += 1
    return f"{name}_{number}"


def _with_steps_before(graph: Graph, names: dict[int, str]) -> dict[int, str]:
    """What a recurrence looks back at is called after what it carries: `h_before`."""
    for node in graph.nodes:
        if isinstance(node.op, Previous) and node.id in names and node.name is None:
            carried = names.get(graph.carries.get(node.op.loop, -1))
            if carried is not None:
                taken = {name for id, name in names.items() if id != node.id}
                before = f"{carried}_before"
                names[node.id] = before if before not in taken else _numbered(before, taken)
    return names


def tangent_owners(graph: Graph) -> dict[int, int]:
    """For each tangent the value whose it is: what the rule of that value made of what moves, and
    does not read any more itself.

    Slopes that a rule makes beside are no tangents: they read nothing that moves.
    """
    by_tag = {node.tag: node.id for node in graph.nodes}
    moving: dict[int, int] = {}
    for node in graph.nodes:
        if is_tangent(node, graph, moving):
            assert node.origin is not None, "a tangent has one"
            owner = by_tag.get(-1 if node.origin.node is None else node.origin.node)
            if owner is not None:
                moving[node.id] = owner
    within = {i for id, y in moving.items() for i in graph[id].inputs if moving.get(i) == y}
    return {id: y for id, y in moving.items() if id not in within}


def is_tangent(node: Node, graph: Graph, moving: Collection[int]) -> bool:
    """Whether a rule of forward mode made a node of what moves; `moving` are those before it."""
    origin = node.origin
    if origin is None or not origin.rule.startswith(JVP):
        return False
    reads = [graph[i] for i in node.inputs]
    direct = origin.cotangent is not None and origin.cotangent in [x.tag for x in reads]
    return direct or isinstance(node.op, Previous) or any(x.id in moving for x in reads)


def leaf_name(node: Node) -> str | None:
    """What an input or a parameter is called; a parameter without the name of its model."""
    match node.op:
        case Input(key=key):
            return key
        case PersistentOp(key=key):
            return key.partition(".")[2] or key
        case _:
            return None


def constant_label(node: Node) -> str:
    """A constant in a formula."""
    assert isinstance(node.op, Constant), "asked only of constants"
    return f"{node.op.value:g}" if node.op.value >= 0 else f"({node.op.value:g})"


def adjoint_label(name: str) -> str:
    """The derivative of the loss by a value: `d_price`; a path becomes one word, `d_conv1_W`."""
    return f"d_{name.replace('.', '_')}"


def tangent_label(name: str) -> str:
    """How a value moves along a direction: `dot_price`."""
    return f"dot_{name.replace('.', '_')}"
