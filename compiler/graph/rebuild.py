"""A graph is taken up again, to be changed: as it is, or node by node by a rule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import is_

from gradc_compiler.graph.graph import Builder, Graph, Node, Value

Rule = Callable[[Node, list[Value]], Value | None]
"""What to use in place of a node, whose operands are given as they are now; None: a copy of it."""
Told = Callable[[Node, list[Node]], None]


def rebuild(graph: Graph, keep: Iterable[int] | None = None) -> tuple[Builder, dict[int, int]]:
    """A builder holding copies of the nodes in `keep` (all, if None), and old id -> new id."""
    wanted = None if keep is None else set(keep)
    builder = Builder()
    mapping: dict[int, int] = {}
    for node in graph.nodes:
        if wanted is None or node.id in wanted:
            mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
    return builder, mapping


def rewrite_nodes(
    graph: Graph, rule: Rule, told: Told | None = None, *, asked: Collection[int] | None = None
) -> Graph:
    """The graph in which a rule's values stand in place of its nodes, whose story they tell; itself
    where none does.  `told` hears of each node that gave way, and what was added for it; `asked`
    has those that may, where that is known.
    """
    if asked is not None and not asked:
        return graph
    builder, now, same = Builder(), list[Value](), True  # what stands for each node; so far itself
    for node in graph.nodes:
        builder.inherit_provenance(node)
        xs, before = [now[i] for i in node.inputs], len(builder.nodes)
        new = rule(node, xs) if asked is None or node.id in asked else None
        same = same and new is None and len(builder.nodes) == node.id
        if same:  # as a copy, but without looking at its operands
            builder.nodes.append(node)
            new = Value(builder, node.id)
        elif new is None:
            new = with_operands(node, xs, builder)
        elif told is not None:
            told(node, builder.nodes[before:])
        now.append(new)
    outputs = {name: now[id].id for name, id in graph.outputs.items()}
    return graph if same or _are_copies(builder.nodes, graph) else builder.graph(outputs)


def _are_copies(nodes: Sequence[Node], graph: Graph) -> bool:
    """Whether these are a graph's own nodes and no others."""
    return len(nodes) == len(graph.nodes) and all(map(is_, nodes, graph.nodes))


def with_operands(node: Node, xs: Iterable[Value], builder: Builder) -> Value:
    """A copy of a node on other operands: for a rule that changes a node and makes no new one."""
    return builder.value(builder.copy(node, [x.id for x in xs]))
