"""The calls of a step as an explicit graph: nodes, and edges where one must wait for another.

A call waits for an earlier one if it reads what that one writes, writes what that one reads, or
writes what that one writes.  Edges that follow from others are left out, so branches of a network
that know nothing of each other are branches of the graph, and run side by side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import field
from itertools import chain

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.launch.kernel_call import CudaCall, Interval


@dataclass(frozen=True, slots=True)
class StepNode:
    """One launch: a call, or several that do not wait for one another; with `rows`, calls that a
    block of threads makes in order for one row after another.
    """

    calls: tuple[CudaCall, ...]
    rows: int = 0

    @property
    def reads(self) -> tuple[Interval, ...]:
        """The words that are read."""
        return tuple(chain.from_iterable(call.reads for call in self.calls))

    @property
    def writes(self) -> tuple[Interval, ...]:
        """The words that are written."""
        return tuple(chain.from_iterable(call.writes for call in self.calls))

    @property
    def note(self) -> str:
        """What the node computes, for people."""
        return "; ".join(call.note for call in self.calls if call.note)


@dataclass(frozen=True, slots=True)
class StepGraph:
    """Nodes in an order in which they may run, and the pairs of them that wait for one another."""

    nodes: tuple[StepNode, ...]
    edges: tuple[tuple[int, int], ...]

    def before(self) -> list[list[int]]:
        """For each node those that it waits for."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for first, second in self.edges:
            found[second].append(first)
        return found


@dataclass
class _Scoreboard:
    """Of each stretch of words who wrote it last, and who has read it since."""

    ends: list[int]
    writers: list[int] = field(default_factory=list)
    readers: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.writers = [-1] * len(self.ends)
        self.readers = [[] for _ in self.ends]

    def parts(self, intervals: Sequence[Interval]) -> set[int]:
        """The stretches that some intervals are made of."""
        found: set[int] = set()
        for begin, end in intervals:
            found.update(range(bisect_left(self.ends, begin), bisect_left(self.ends, end)))
        return found

    def take(self, number: int, node: StepNode) -> set[int]:
        """The nodes that a node waits for; then it has read and written."""
        reads, writes = self.parts(node.reads), self.parts(node.writes)
        found = {self.writers[part] for part in reads | writes}
        for part in writes:
            found.update(self.readers[part])
            self.writers[part], self.readers[part] = number, []
        for part in reads:
            self.readers[part].append(number)
        return found - {-1, number}


def graph_of(nodes: Sequence[StepNode]) -> StepGraph:
    """The graph of nodes that run in this order, with no more edges than are needed."""
    intervals = [interval for node in nodes for interval in (*node.reads, *node.writes)]
    board = _Scoreboard(sorted({end for interval in intervals for end in interval}))
    waits = [board.take(number, node) for number, node in enumerate(nodes)]
    return StepGraph(tuple(nodes), reduced(waits))


def reduced(waits: Sequence[set[int]]) -> tuple[tuple[int, int], ...]:
    """The edges that do not follow from others; a node waits only for earlier ones.

    What comes before a node, at any distance, is a set of bits.
    """
    behind: list[int] = []
    edges: list[tuple[int, int]] = []
    for number, own in enumerate(waits):
        known = 0
        for first in sorted(own, reverse=True):
            if not known >> first & 1:
                edges.append((first, number))
                known |= behind[first] | 1 << first
        behind.append(known)
    return tuple(sorted(edges))
