"""A graph's edges checked against what its nodes read and write, by another way than they are made.

Of two nodes of which one writes what the other touches, one must be reachable from the other along
edges; calls of one node must not touch what another of them writes, but where they run in order
along rows.
"""

from __future__ import annotations

from itertools import combinations

from gradc_runtime.cuda.launch.kernel_call import conflict, overlap, share_rows
from gradc_runtime.cuda.launch.step_graph import StepGraph


class GraphFault(AssertionError):
    """Two calls that must wait for one another do not."""


def verify_graph(graph: StepGraph) -> None:
    """Raise `GraphFault` where an edge is missing, or goes against the order of the nodes."""
    behind = reachable(graph)
    for number, node in enumerate(graph.nodes):
        for one, other in combinations(node.calls, 2):
            if not share_rows(one, other) if node.rows else conflict(one, other):
                raise GraphFault(f"{one.note} and {other.note} are one node, and share words")
        for earlier in range(number):
            if behind[number] >> earlier & 1:
                continue
            before = graph.nodes[earlier]
            if (
                overlap(node.writes, before.reads)
                or overlap(node.reads, before.writes)
                or overlap(node.writes, before.writes)
            ):
                raise GraphFault(f"no edge leads from {before.note} to {node.note}")


def reachable(graph: StepGraph) -> list[int]:
    """For each node the set of those before it, as bits.

    Raises `GraphFault` for an edge that leads back.
    """
    behind = [0] * len(graph.nodes)
    for second, firsts in enumerate(graph.before()):
        for first in firsts:
            if first >= second:
                raise GraphFault(f"an edge leads back from node {first} to node {second}")
            behind[second] |= behind[first] | 1 << first
    return behind
