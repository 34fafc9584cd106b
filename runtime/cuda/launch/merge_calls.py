"""Calls that need no launch of their own become one launch.

A launch that waits for another costs more than what many kernels of a small network take.  Plain
kernels, whose threads only go through pieces of work, are put together in two ways:

* *along rows*: calls for each example touch that example's words alone, and what is the same for
  all.  So one after another they may run in one launch, in which a block of threads makes all calls
  for a row before it takes the next; between two calls the block waits for its own threads only.
* *side by side*: calls that do not wait for one another stand in one launch, without any barrier.

For the second the graph is cut into levels: a launch stands behind all that it waits for.  Where it
has a choice of levels it takes the first or, if that leaves fewer nodes, the last (list scheduling;
Graham, 1966).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import field

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.launch.kernel_call import CudaCall, is_plain, share_rows
from gradc_runtime.cuda.launch.step_graph import StepGraph, StepNode, graph_of

MOST_CALLS = MACHINE.gpu_calls  # of one node
ROW_WORK = MACHINE.gpu_row_work  # words, and half the operations, of a row
SMALL = MACHINE.gpu_small_call  # pieces of work: a larger call fills the device by itself


def merged(calls: Sequence[CudaCall]) -> StepGraph:
    """The graph of a step's calls, with few nodes."""
    single = graph_of([StepNode((call,)) for call in calls])
    rows = graph_of(along_rows(single))
    early = _levels(rows.before())
    late = [-level for level in reversed(_levels(_after(rows)))]
    return min((_side_by_side(rows, levels) for levels in (early, late)), key=_size)


def _size(graph: StepGraph) -> int:
    return len(graph.nodes)


def is_small(call: CudaCall) -> bool:
    """Whether a call may share a launch."""
    return is_plain(call.source, call.function) and call.total < SMALL


def rows_of(call: CudaCall) -> int:
    """The rows along which a call may follow others; 0 where it may not, or where a row is so much
    work that more than one block should have it.
    """
    if not call.each or call.slot or call.begin or not is_small(call):
        return 0
    most = ROW_WORK * call.count
    return call.count if call.words <= most and call.operations <= 2 * most else 0


@dataclass
class _RowChain:
    """Calls along the same rows, and what must come before and after them."""

    graph: StepGraph
    rows: int = 0
    members: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)

    def take(self, number: int, waits: set[int]) -> None:
        """A node joins, unless it waits for something that waits for a member; what does comes
        after, everything else before.
        """
        behind = not waits.isdisjoint(self.after)
        if not behind and self.admits(self.call(number)):
            self.rows = rows_of(self.call(number))
            self.members.append(number)
        elif behind or not waits.isdisjoint(self.members):
            self.after.append(number)
        else:
            self.before.append(number)

    def admits(self, call: CudaCall) -> bool:
        """Whether a call goes along the same rows, and keeps to them."""
        rows = rows_of(call)
        if not rows or rows != (self.rows or rows) or len(self.members) >= MOST_CALLS:
            return False
        return all(share_rows(self.call(member), call) for member in self.members)

    def call(self, number: int) -> CudaCall:
        """The only call of a node."""
        (found,) = self.graph.nodes[number].calls
        return found

    def nodes(self) -> Iterable[StepNode]:
        """The nodes that come before, and then the members as one; `after` is left."""
        yield from (self.graph.nodes[k] for k in self.before)
        if self.members:
            calls = tuple(map(self.call, self.members))
            yield StepNode(calls, self.rows if len(calls) > 1 else 0)


def along_rows(graph: StepGraph) -> list[StepNode]:
    """The nodes in an order of their own, calls along rows put together."""
    before, found = graph.before(), list[StepNode]()
    left = list(range(len(graph.nodes)))
    while left:
        chain = _RowChain(graph)
        for number in left:
            chain.take(number, set(before[number]))
        found += chain.nodes()
        left = chain.after
    return found


def _after(graph: StepGraph) -> list[list[int]]:
    """For each node, counted from the end, those that wait for it, counted likewise."""
    last = len(graph.nodes) - 1
    found: list[list[int]] = [[] for _ in graph.nodes]
    for first, second in graph.edges:
        found[last - first].append(last - second)
    return found


def _levels(before: Sequence[Sequence[int]]) -> list[int]:
    """How many nodes a longest chain has that leads to each node; the lists are in such an order
    that a node comes after those that it names.
    """
    found: list[int] = []
    for firsts in before:
        found.append(max((found[first] + 1 for first in firsts), default=0))
    return found


def _side_by_side(graph: StepGraph, levels: Sequence[int]) -> StepGraph:
    """The nodes of each level, its plain calls together."""
    of_level: defaultdict[int, list[StepNode]] = defaultdict(list)
    for node, level in zip(graph.nodes, levels, strict=True):
        of_level[level].append(node)
    return graph_of([node for level in sorted(of_level) for node in _nodes(of_level[level])])


def _nodes(nodes: Sequence[StepNode]) -> list[StepNode]:
    """The launches of nodes that do not wait for one another."""
    small = [n.calls[0] for n in nodes if not n.rows and is_small(n.calls[0])]
    others = [n for n in nodes if n.rows or not is_small(n.calls[0])]
    return [*others, *(StepNode(tuple(calls)) for calls in _by_kernels(small))]


def _by_kernels(calls: Sequence[CudaCall]) -> Iterable[list[CudaCall]]:
    """Calls with at most so many different kernels together.  Those of one kernel are a loop there,
    however many: an optimiser's update of all parameters is one launch.
    """
    of_kernel: defaultdict[tuple[str, int], list[CudaCall]] = defaultdict(list)
    for call in calls:
        of_kernel[call.kernel].append(call)
    kinds = list(of_kernel.values())
    for at in range(0, len(kinds), MOST_CALLS):
        yield [call for kind in kinds[at : at + MOST_CALLS] for call in kind]
