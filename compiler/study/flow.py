"""Where cotangents lead: which contributions come to what is differentiated by, and which end.

A value may depend on a parameter and still send it nothing: behind `stop_gradient`, `argmax` or a
comparison.  Such branches are no part of a derivation; where each ends is kept, to be said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.graph.graph import Graph
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.transform.adjoints_summed import Contribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Who is reached, where branches end, and which nodes are another by a reshape."""

    live: frozenset[int]
    ends: Mapping[int, str]  # nodes with a dead end below them, and the operator that it is
    roots: Mapping[int, int]

    def reaches(self, x: int) -> bool:
        """Whether what is sent to x comes to what is differentiated by."""
        return x in self.live

    def root(self, id: int) -> int:
        """The node that has the same numbers, where a reshape only adds axes of one element."""
        return self.roots.get(id, id)


def flow_of(graph: Graph, told: Sequence[Contribution], wrt: Sequence[int]) -> Flow:
    """The flow of what `differentiate` told."""
    live, before = set(wrt), -1
    while len(live) != before:  # twice where there are recurrences: they lead back
        before = len(live)
        live |= {c.node for c in reversed(told) if c.x in live}
    senders = {c.node for c in told}
    ends: dict[int, str] = {}
    depending = depending_on(graph, wrt)
    for node in graph.nodes:
        if node.id in depending and node.id not in live:
            below = (ends[i] for i in node.inputs if i in ends)
            name = node.op.name
            ends[node.id] = next(below, name) if node.id in senders else name
    return Flow(live=frozenset(live), ends=ends, roots=_roots(graph))


def depending_on(graph: Graph, wrt: Sequence[int]) -> set[int]:
    """What is computed from what is differentiated by, in earlier steps of a recurrence too."""
    found, before = set(wrt), -1
    while len(found) != before:
        before = len(found)
        for node in graph.nodes:
            carried = graph.carries.get(-1 if node.op.carried_by is None else node.op.carried_by)
            if carried in found or found.intersection(node.inputs):
                found.add(node.id)
    return found


def _roots(graph: Graph) -> dict[int, int]:
    """For each reshape that only adds or drops axes of one element, what it reshapes."""
    found: dict[int, int] = {}
    for node in graph.nodes:
        if isinstance(node.op, Reshape):
            before = graph[node.inputs[0]]
            sizes = [[n for n in type.shape if n != 1] for type in (before.type, node.type)]
            if sizes[0] == sizes[1]:
                found[node.id] = found.get(before.id, before.id)
    return found
