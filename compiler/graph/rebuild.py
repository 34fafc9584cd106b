"""A graph is taken up again, to be changed."""

from __future__ import annotations

from collections.abc import Iterable

from gradc_compiler.graph.graph import Builder, Graph


def rebuild(graph: Graph, keep: Iterable[int] | None = None) -> tuple[Builder, dict[int, int]]:
    """A builder holding copies of the nodes in `keep` (all, if None), and old id -> new id."""
    wanted = None if keep is None else set(keep)
    builder = Builder()
    mapping: dict[int, int] = {}
    for node in graph.nodes:
        if wanted is None or node.id in wanted:
            mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
    return builder, mapping
