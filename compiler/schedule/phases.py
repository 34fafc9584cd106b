"""Which nodes are computed once, and which for every block of examples.

ONCE 0, EXAMPLES 0, ONCE 1, EXAMPLES 1, ...: a mean over the examples is summed up in EXAMPLES k and
known in ONCE k + 1.  A model without `batch_mean` has two: the examples, and then the update (and a
ONCE 0 where something is prepared from the parameters).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.graph.graph import Graph


@dataclass(frozen=True, slots=True, order=True)
class PhaseKey:
    """ONCE k sorts before EXAMPLES k."""

    number: int
    examples: bool


def assign_phases(graph: Graph) -> Mapping[int, PhaseKey]:
    """The phase in which each node is computed."""
    varying = graph.varying()
    phase: dict[int, PhaseKey] = {}
    known: dict[int, int] = {}  # number of the first phase pair that may read the node
    for node in graph.nodes:
        number = max((known[i] for i in node.inputs), default=0)
        is_mean = node.op.makes_uniform and any(i in varying for i in node.inputs)
        phase[node.id] = PhaseKey(number, node.id in varying or is_mean)
        known[node.id] = number + 1 if is_mean else number
    _delay(graph, phase)
    return phase


def _delay(graph: Graph, phase: dict[int, PhaseKey]) -> None:
    """Compute what is needed once as late as its readers allow, beside them."""
    users = graph.users()
    for node in reversed(graph.nodes):
        if not phase[node.id].examples and users[node.id]:
            number = min(phase[u].number for u in users[node.id])
            phase[node.id] = PhaseKey(number, False)
