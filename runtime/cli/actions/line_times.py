"""Which lines of a spec an instruction is for: through the nodes of its kernel, back to the author.

A kernel of several nodes is timed as one; its time is divided among them by their operations.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gradc_compiler.fusion.groups import is_leaf
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.outputs import Role, is_of
from gradc_compiler.program.entry import Instruction
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.line_costs import is_derived, operations
from gradc_runtime.cli.actions.lowering import Lowering

FORWARD, BACKWARD, UPDATE = "forward", "backward", "update"
WAYS = (FORWARD, BACKWARD, UPDATE)
ENDS_WITH = re.compile(r"%(\d+) ")  # the last node of an instruction's group
Place = tuple[int, str]  # a line of the spec (0: no line of it), and one of WAYS


@dataclass(frozen=True, slots=True)
class LineShares:
    """For each fusion group, by its last node, which part of it is for which line; and of all."""

    groups: Mapping[int, Mapping[Place, float]]
    shared: frozenset[int]  # groups that are for several
    whole: Mapping[Place, float]

    @staticmethod
    def of(lowering: Lowering) -> LineShares:
        """Those of a step."""
        graph = lowering.graph
        ways = ways_of(graph)
        groups = {
            group.nodes[-1]: shares([graph[i] for i in group.nodes], graph, ways)
            for group in lowering.sketch.groups
        }
        shared = frozenset(last for last, found in groups.items() if len(found) > 1)
        kernels = [node for node in graph.nodes if not is_leaf(node)]
        return LineShares(groups, shared, shares(kernels, graph, ways))

    def of_instruction(self, item: Instruction) -> Mapping[Place, float]:
        """Which part of an instruction is for which line; a whole step is for all of them."""
        last = ENDS_WITH.match(item.note)
        return self.whole if last is None else self.groups.get(int(last[1]), self.whole)

    def is_shared(self, item: Instruction) -> bool:
        """Whether its time had to be divided among lines."""
        last = ENDS_WITH.match(item.note)
        return last is None or int(last[1]) in self.shared


def ways_of(graph: Graph) -> dict[int, str]:
    """Whether a node is part of the forward pass, of the derivative, or of the update."""
    forward = graph.reachable(
        [id for key, id in graph.results.items() if key == "loss" or is_of(Role.REPORT, key)]
    )
    return {
        node.id: BACKWARD if is_derived(node) else FORWARD if node.id in forward else UPDATE
        for node in graph.nodes
    }


def shares(nodes: Sequence[Node], graph: Graph, ways: Mapping[int, str]) -> dict[Place, float]:
    """Parts of 1, by the operations of the nodes; copies alone count by their sizes."""
    counts: Counter[Place] = Counter()
    for weigh in (lambda n: operations(n, graph), lambda n: max(1, n.type.size)):
        for node in nodes:
            line = node.span.line if node.span is not None else 0
            counts[line, ways[node.id]] += weigh(node)
        if total := sum(counts.values()):
            return {place: count / total for place, count in counts.items() if count}
    return {}


@dataclass(slots=True)
class LineTime:
    """Seconds of one line in a step, each way, and how much of it was divided by operations."""

    line: int
    seconds: dict[str, float]
    divided: float = 0.0
    operations: float = 0.0
    bytes: float = 0.0

    @property
    def all(self) -> float:
        """Together."""
        return sum(self.seconds.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionTime:
    """One instruction: its seconds, operations and bytes."""

    item: Instruction
    seconds: float
    operations: int
    bytes: int


def line_times(timings: Iterable[InstructionTime], found: LineShares) -> list[LineTime]:
    """The time of each line, in order of the lines."""
    lines: dict[int, LineTime] = {}
    for one in timings:
        for (line, way), part in found.of_instruction(one.item).items():
            own = lines.setdefault(line, LineTime(line, dict.fromkeys(WAYS, 0.0)))
            own.seconds[way] += part * one.seconds
            own.operations += part * one.operations
            own.bytes += part * one.bytes
            if found.is_shared(one.item):
                own.divided += part * one.seconds
    return [lines[line] for line in sorted(lines)]
