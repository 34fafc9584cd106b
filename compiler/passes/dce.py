"""Dead code: a node that no output depends on is dropped.  Exact."""

from __future__ import annotations

from compiler.graph.graph import Graph, rebuild


def eliminate_dead_code(graph: Graph) -> Graph:
    """Keep what the outputs are computed from."""
    live = graph.reachable(graph.outputs.values())
    if len(live) == len(graph.nodes):
        return graph
    builder, mapping = rebuild(graph, live)
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})
