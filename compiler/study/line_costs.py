"""What each line of a spec costs, forward and backward: counted on the graph that is run.

An amount is so much for each example (N of them), for each step of a sequence, or once; so it is a
formula in N and in the lengths, and a number as soon as those are known.  One operation is one
addition, multiplication or function of a number; a product that is added up is two.  Bytes are
what a node reads and writes, each number once, before kernels are fused.  Kept is what the forward
pass leaves for the backward pass: values that a rule reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import prod

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.index import Take
from gradc_compiler.ops.leaf import Constant, Input, Iota, Literal, PersistentOp
from gradc_compiler.ops.sequence import (
    AtLast,
    FromRows,
    Last,
    Previous,
    Reverse,
    TimeBroadcast,
)
from gradc_compiler.ops.shape import Concat, Reshape
from gradc_compiler.records.fast_dataclass import dataclass

Unit = tuple[str, ...]  # `()`: once; `("N",)`: an example; `("N", "rows")`: a step of a sequence
LEAVES = (Input, PersistentOp, Constant, Literal, Iota)
FREE = (Reshape, TimeBroadcast, *LEAVES)  # read where it lies, or a number known
COPIES = (Previous, Last, AtLast, Reverse, FromRows, Concat, Take)  # moved, and nothing computed
BACKWARD = "vjp of"


class Amount(Counter[Unit]):
    """So much for each unit."""

    def number(self, sizes: Mapping[str, int]) -> int:
        """The whole, for N examples and sequences of given lengths."""
        return sum(count * prod(sizes[name] for name in unit) for unit, count in self.items())

    def formula(self) -> str:
        """`2,400 N + 96 N rows + 10`; 0 where there is nothing."""
        terms = sorted((unit for unit, n in self.items() if n), key=lambda u: (-len(u), u))
        return " + ".join(self._term(unit) for unit in terms) or "0"

    def _term(self, unit: Unit) -> str:
        count = self[unit]
        return " ".join(unit if count == 1 and unit else (f"{count:,}", *unit))

    def of(self, unit: Unit, count: int) -> None:
        """Add so much for each unit."""
        self[unit] += count


@dataclass(slots=True)
class LineCost:
    """One line of the spec."""

    line: int
    text: str
    parameters: int
    forward: Amount  # operations
    backward: Amount
    moved: Amount  # bytes, forward and backward
    kept: Amount  # bytes

    @property
    def is_something(self) -> bool:
        """Whether the line costs anything."""
        amounts = (self.forward, self.backward, self.moved, self.kept)
        return self.parameters > 0 or any(any(a.values()) for a in amounts)


def line_costs(graph: Graph, width: int) -> list[LineCost]:
    """The lines of a step's loss and gradient, in order; `width` is bytes of a number."""
    lines: dict[int, LineCost] = {}
    varying = graph.varying
    for node in graph.nodes:
        if node.span is None:
            continue
        cost = lines.setdefault(node.span.line, _empty(node))
        backward = is_derived(node)
        count = operations(node, graph)
        (cost.backward if backward else cost.forward).of(unit_of(node, graph, varying), count)
        for unit, size in _moved(node, graph, varying):
            cost.moved.of(unit, width * size)
        if isinstance(node.op, PersistentOp) and node.type.kind is Kind.REAL:
            cost.parameters += node.type.size
    for node in _kept(graph):
        if node.span is not None:
            lines[node.span.line].kept.of(_unit(node, varying), width * size_of(node.type))
    return [lines[number] for number in sorted(lines) if lines[number].is_something]


def _empty(node: Node) -> LineCost:
    assert node.span is not None, "looked at before"
    text = node.span.source.line_text(node.span.line).split("#")[0].strip()
    return LineCost(node.span.line, text, 0, *(Amount() for _ in range(4)))


def is_derived(node: Node) -> bool:
    """Whether differentiation made a node."""
    return node.origin is not None and node.origin.rule.startswith(BACKWARD)


def operations(node: Node, graph: Graph) -> int:
    """How many operations one turn of a node takes."""
    if isinstance(node.op, (*FREE, *COPIES)):
        return 0
    if not isinstance(node.op, Contract):
        return max([size_of(node.type), *(graph[i].type.size for i in node.inputs)])
    turns = prod(node.op.extents)
    if len(node.op.operands) > 1:
        return len(node.op.operands) * turns
    return max(0, turns - node.type.size)  # a sum; a view is none


def size_of(type: TensorType) -> int:
    """The numbers of one element."""
    return type.size * (type.time if isinstance(type.time, int) else 1)


def unit_of(node: Node, graph: Graph, varying: frozenset[int]) -> Unit:
    """What a node is computed for: a mean over the batch takes every example."""
    units = [_unit(node, varying), *(_unit(graph[i], varying) for i in node.inputs)]
    return max(units, key=len)


def _unit(node: Node, varying: frozenset[int]) -> Unit:
    own = ("N",) if node.id in varying else ()
    return (*own, node.type.time) if isinstance(node.type.time, str) else own


def _moved(node: Node, graph: Graph, varying: frozenset[int]) -> Iterator[tuple[Unit, int]]:
    """What a node reads and writes."""
    if isinstance(node.op, FREE):
        return
    for i in {*node.inputs, node.id}:
        yield _unit(graph[i], varying), size_of(graph[i].type)


def _kept(graph: Graph) -> list[Node]:
    """Forward values that a rule of the backward pass reads; what persists is there anyway."""
    read = {i for node in graph.nodes if is_derived(node) for i in node.inputs}
    return [
        node
        for node in graph.nodes
        if node.id in read and not is_derived(node) and not isinstance(node.op, LEAVES)
    ]
