"""Sums of pieces are looked through once, however long a chain of sums is."""

from __future__ import annotations

from gradc_compiler.graph.graph import Builder, Graph, Node
from gradc_compiler.ops.leaf import Input
from gradc_compiler.rewrites.algebra.pads_to_concat import pads_to_concat

LOOKED_AT: list[int] = []


class Counted(Graph):
    """A graph that writes down which nodes are asked for."""

    def __getitem__(self, id: int) -> Node:
        LOOKED_AT.append(id)
        return super().__getitem__(id)


def test_a_chain_of_residual_sums_is_walked_once() -> None:
    """f(x) + x, again and again: no sum is of pieces, and a walk ends at the sum before it."""
    builder = Builder()
    x = builder.add(Input("x", (3,)))
    for _ in range(300):
        x = x * x + x
    graph = builder.graph({"y": x.id})
    LOOKED_AT.clear()
    assert pads_to_concat(Counted(graph.nodes, graph.outputs)).nodes == graph.nodes
    assert len(LOOKED_AT) < 10 * len(graph.nodes)
