"""Dead code: a node that no output depends on is dropped.  Exact."""

from __future__ import annotations

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import Carry
from gradc_compiler.graph.rebuild import rebuild


def eliminate_dead_code(graph: Graph) -> Graph:
    """Keep what the results are computed from."""
    live = graph.reachable(graph.results.values())
    if len(live) == len(graph.nodes):
        return graph
    builder, mapping = rebuild(graph, live)
    looped = {n.op.carried_by for n in graph.nodes if n.id in live}
    dead = {Carry(loop) for loop in graph.carries if loop not in looped}
    return builder.graph({n: mapping[id] for n, id in graph.outputs.items() if n not in dead})
