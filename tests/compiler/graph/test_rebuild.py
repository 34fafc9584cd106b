"""A graph is taken up again only where something in it gives way."""

from __future__ import annotations

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.graph.rebuild import rewrite_nodes
from gradc_compiler.ops.leaf import Input


def sums() -> Graph:
    """x + x, and that plus x."""
    b = Builder()
    x = b.add(Input("x", (3,)))
    y = x + x
    return b.graph({"y": (y + x).id, "first": y.id})


def test_a_rule_that_changes_nothing_gives_the_graph_itself() -> None:
    graph = sums()
    assert rewrite_nodes(graph, lambda node, xs: None) is graph


def test_a_rule_that_adds_and_then_keeps_a_node_is_not_lost() -> None:
    graph = sums()

    def rule(node: Node, xs: list[Value]) -> Value | None:
        return xs[0] * 1.0 if node.op.name == "add" and node.id == 1 else None

    changed = rewrite_nodes(graph, rule)
    assert changed is not graph and changed.nodes[0] is graph.nodes[0]
    assert [node.op.name for node in changed.nodes] == ["input", "constant", "mul", "add"]
    assert changed.results == {"y": 3, "first": 2}


def test_what_a_rule_adds_and_does_not_use_is_no_change_of_meaning() -> None:
    graph = sums()

    def idle(node: Node, xs: list[Value]) -> Value | None:
        if xs:
            xs[0] * 2.0
        return None

    changed = rewrite_nodes(graph, idle)
    assert len(changed.nodes) == len(graph.nodes) + 4
    for name, id in changed.results.items():
        assert changed.nodes[id].op == graph.nodes[graph.results[name]].op


def test_only_nodes_from_the_first_change_on_are_copied() -> None:
    graph, asked = sums(), []

    def rule(node: Node, xs: list[Value]) -> Value | None:
        asked.append(node.id)
        return xs[0] * 1.0 if node.id == 2 else None

    changed = rewrite_nodes(graph, rule, asked={2, 1})
    assert asked == [1, 2]
    assert changed.nodes[:2] == graph.nodes[:2]
    assert all(a is b for a, b in zip(changed.nodes[:2], graph.nodes[:2], strict=True))
    assert [node.op.name for node in changed.nodes[2:]] == ["constant", "mul"]
