"""Recurrences in a graph: which nodes depend on themselves a step before, and in which order all
nodes can be computed.

A loop is a strongly connected component of the graph with its carries (networkx: Tarjan's
algorithm).  What only feeds a loop, or only reads it, is not in it: it is computed for all steps at
once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from gradc_compiler.graph.graph import Graph


@cache
def library() -> Any:
    """networkx, imported for the first recurrence: it would be a third of every start."""
    return import_module("networkx")


def edges(graph: Graph) -> Any:
    """Every node, with an edge from each operand and from each carried node to its `previous`."""
    result, carries = library().DiGraph(), graph.carries
    result.add_nodes_from(range(len(graph.nodes)))
    for node in graph.nodes:
        result.add_edges_from((i, node.id) for i in node.inputs)
        if node.op.carried_by is not None:
            result.add_edge(carries[node.op.carried_by], node.id)
    return result


def loop_of(graph: Graph) -> Mapping[int, int]:
    """For each node that is in a loop, the first of that loop's nodes."""
    if not graph.carries:
        return {}
    read = edges(graph)
    found = library().strongly_connected_components(read)
    loops = (n for n in found if len(n) > 1 or read.has_edge(*n, *n))  # one may carry itself on
    return {id: min(nodes) for nodes in loops for id in nodes}


def in_order(graph: Graph) -> list[list[int]]:
    """The nodes in groups, each after those it reads: one alone, or those of a loop, in order."""
    if not graph.carries:
        return [[node.id] for node in graph.nodes]
    condensed = library().condensation(edges(graph))
    members = {k: sorted(nodes) for k, nodes in condensed.nodes(data="members")}
    order = library().lexicographical_topological_sort(condensed, key=lambda k: members[k][0])
    return [members[k] for k in order]


def open_loops(graph: Graph, root: int) -> set[int]:
    """The loops that a node is computed from and in which nothing is carried on yet."""
    loops = {graph[i].op.carried_by for i in graph.reachable([root])}
    return {loop for loop in loops if loop is not None and loop not in graph.carries}
