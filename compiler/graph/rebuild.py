"""A graph is taken up again, to be changed: as it is, or node by node by a rule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
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


def builder_after(graph: Graph) -> Builder:
    """A builder that goes on where a graph ends, its nodes with the numbers that they have."""
    builder = Builder(list(graph.nodes))
    builder.carries = dict(graph.carries)
    builder.loops = max(graph.carries, default=-1) + 1
    return builder


def rewrite_nodes(
    graph: Graph, rule: Rule, told: Told | None = None, *, asked: Iterable[int] | None = None
) -> Graph:
    """The graph in which a rule's values stand in place of its nodes, whose story they tell; itself
    where none does.  `told` hears of each node that gave way, and what was added for it; `asked`
    has those that may, where that is known.
    """
    builder, chosen = Builder(), range(len(graph.nodes)) if asked is None else sorted(asked)
    ask = partial(_asked, builder, rule, told)
    for id in chosen:  # up to the first change the nodes are those of the graph
        node = graph.nodes[id]
        builder.nodes += graph.nodes[len(builder.nodes) : id]
        new = ask(node, [Value(builder, i) for i in node.inputs])
        if new is not None or len(builder.nodes) > id:
            return _rewritten_from(graph, id, new, builder, ask, {*chosen})
    return graph


def _asked(
    builder: Builder, rule: Rule, told: Told | None, node: Node, xs: list[Value]
) -> Value | None:
    """What a rule gives for a node."""
    builder.inherit_provenance(node)
    before = len(builder.nodes)
    new = rule(node, xs)
    if told is not None and new is not None:
        told(node, builder.nodes[before:])
    return new


def _rewritten_from(
    graph: Graph, first: int, new: Value | None, builder: Builder, ask: Rule, asked: Collection[int]
) -> Graph:
    """The graph from the first node that a rule did something at, for which it gave `new`."""
    now = [Value(builder, id) for id in range(first)]  # what stands for each node
    for node in graph.nodes[first:]:
        if node.id != first:
            new = ask(node, [now[i] for i in node.inputs]) if node.id in asked else None
        now.append(new or builder.value(builder.copy(node, [now[i].id for i in node.inputs])))
    if _are_copies(builder.nodes, graph):
        return graph
    return builder.graph({name: now[id].id for name, id in graph.outputs.items()})


def _are_copies(nodes: Sequence[Node], graph: Graph) -> bool:
    """Whether these are a graph's own nodes and no others."""
    return len(nodes) == len(graph.nodes) and all(map(is_, nodes, graph.nodes))


def with_operands(node: Node, xs: Iterable[Value], builder: Builder) -> Value:
    """A copy of a node on other operands: for a rule that changes a node and makes no new one."""
    return builder.value(builder.copy(node, [x.id for x in xs]))
