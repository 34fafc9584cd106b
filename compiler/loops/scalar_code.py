"""The statements of one generated kernel, and the loads they need.

A node of a unit is one three-address statement.  What knows about time is a load from another row:
the owner's value for each element, the element at the other end, the one a step before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from gradc_compiler.fusion.stages import Region
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.loops.ir import RANGE, MemAccess, NestLoop
from gradc_compiler.memory.layout import BufferView, clock_place, row_major
from gradc_compiler.ops.contract import Map, index
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.index import Increment
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.sequence import AtLast, Last, Previous, Reverse, TimeBroadcast

ROW_NAMES = 10**7  # rows are n10000000, ...: numbers that no node has


@dataclass(frozen=True, slots=True)
class IterationSpace:
    """The index space of a unit: `shape` read at affine positions of `extents`, for the rows of a
    region.
    """

    shape: tuple[int, ...]
    extents: tuple[int, ...]
    positions: Map
    region: Region

    @property
    def examples(self) -> bool:
        """Whether there is a loop over rows."""
        return self.region.phase.examples

    def access(self, place: BufferView, shape: Sequence[int], row: str | None = None) -> MemAccess:
        """A value of `shape`, broadcast to the domain's, as the loops move over it."""
        lead = len(self.shape) - len(shape)
        moves, offset = [0] * len(self.extents), place.offset
        for axis, (n, stride) in enumerate(zip(shape, place.strides, strict=True)):
            if n == 1 and self.shape[lead + axis] != 1:
                continue
            position = self.positions[lead + axis]
            offset += position.offset * stride
            for loop, coefficient in position.terms:
                moves[loop] += coefficient * stride
        if self.examples:
            moves.insert(0, place.example)
        return MemAccess(
            storage=place.storage,
            offset=offset,
            moves=tuple(moves),
            index=place.index,
            row=row if place.example else None,
        )

    def loops(self, reduced: Sequence[int] = (), over_rows: bool = False) -> tuple[NestLoop, ...]:
        """Loop headers; `reduced` counts the extents."""
        inner = tuple(NestLoop(extent=n, reduces=j in reduced) for j, n in enumerate(self.extents))
        return (NestLoop(extent=RANGE, reduces=over_rows), *inner) if self.examples else inner


def identity(shape: tuple[int, ...], region: Region) -> IterationSpace:
    """Every element of a shape."""
    return IterationSpace(shape, shape, tuple(index(j) for j in range(len(shape))), region)


def variable(node: Node) -> str:
    """What holds a node's value in a kernel: `n12` a whole number, `v12` a real one."""
    return f"n{node.id}" if node.type.kind is Kind.INDEX else f"v{node.id}"


class ScalarCode:
    """Three-address statements of a unit, and the loads they need."""

    def __init__(
        self,
        graph: Graph,
        domain: IterationSpace,
        places: Mapping[int, BufferView],
        inside: set[int],
    ) -> None:
        self.graph, self.domain, self.places, self.inside = graph, domain, places, inside
        self.loads: list[tuple[str, MemAccess]] = []
        self.lines: list[str] = []
        self.positional = False
        self._known: dict[object, str] = {}

    def add(self, node: Node) -> None:
        """The statement that computes a node."""
        raw = node.type.kind is Kind.INDEX
        zero = "0" if raw else "real(0.0)"
        match node.op:
            case Random() as op:
                text = self._draw(op, node)
            case Increment():
                text = f"{self.read(node.inputs[0], raw)} + 1"
            case Elementwise() as op:
                text = op.text.format(*(self.read(i, raw) for i in node.inputs))
            case TimeBroadcast():
                text = self.read(node.inputs[0], raw)
            case Reverse():
                text = self.read(node.inputs[0], raw, self.row("mirror"))
            case Previous() as op:
                text = self._previous(op, node)
            case AtLast(first=first):
                distance = self.row("position" if first else "remaining")
                text = f"select({distance} == 0, {self.read(node.inputs[0], raw)}, {zero})"
            case Last(first=first):
                time = self.graph[node.inputs[0]].type.time
                row = self.row("first" if first else "last", time)
                end = self.read(node.inputs[0], raw, row)
                text = f"select({self.row('length', time)} > 0, {end}, {zero})"
            case op:
                raise AssertionError(f"{op.name} is no statement")
        self.lines.append(f"{variable(node)} = {text}")

    def product(self, factors: Sequence[int], domains: Sequence[IterationSpace]) -> str:
        """The variable that holds a product of operands, each read over a domain of its own."""
        read = [self.read(i, domain=d) for i, d in zip(factors, domains, strict=True)]
        if len(read) == 1 and not read[0].startswith("real("):
            return read[0]
        name = f"v{self._fresh()}"
        self._known[name] = name
        total = reduce(lambda a, b: f"times({a}, {b})", read)
        self.lines.append(f"{name} = {total}")
        return name

    def read(
        self,
        id: int,
        raw: bool = False,
        row: str | None = None,
        domain: IterationSpace | None = None,
    ) -> str:
        """The variable or literal that holds an operand's element, of this row or of another."""
        node, domain = self.graph[id], domain or self.domain
        if isinstance(node.op, Constant):
            return f"real({_written(node.op.value)})"
        if id in self.inside and row is None:
            name = variable(node)
            return f"real({name})" if name.startswith("n") and not raw else name
        place = self.places[id]
        if row is None and place.example and place.time != self.domain.region.time:
            row = self.row("owner")
        key = (id, raw, row, domain.positions)
        if key not in self._known:
            own = row is None and domain is self.domain
            name = f"{'n' if raw else 'v'}{id if own else self._fresh()}"
            self._known[key] = name
            self.loads.append((name, domain.access(place, node.type.shape, row)))
        return self._known[key]

    def row(self, kind: str, time: Time | None = None) -> str:
        """A whole number that the clock of a time has for every row, or (`time`) every example."""
        about = self.domain.region.time if time is None else time
        assert about is not None, f"{kind} belongs to a time"
        key = f"{kind}/{about}"
        if key not in self._known:
            self._known[key] = f"n{self._fresh()}"
            place = clock_place(kind, about, per_row=time is None)
            self.loads.append((self._known[key], self.domain.access(place, ())))
        return self._known[key]

    def _fresh(self) -> int:
        return ROW_NAMES + len(self._known)

    def _previous(self, op: Previous, node: Node) -> str:
        row = self.row("after" if op.backwards else "before")
        carried = self.read(self.graph.carries[op.loop], row=row)
        distance = self.row("remaining" if op.backwards else "position")
        return f"select({distance} > 0, {carried}, {self.read(node.inputs[0])})"

    def _draw(self, op: Random, node: Node) -> str:
        self.positional = True
        seed, step = (self.read(i, raw=True) for i in node.inputs)
        first = 1 if self.domain.examples else 0
        terms = [
            f"i{first + j} * {s}" if s != 1 else f"i{first + j}"
            for j, s in enumerate(row_major(op.shape))
        ]
        example, time = "0" if op.shared or not self.domain.examples else "first + i0", "0"
        if op.time is not None:
            example, time = f"first + {self.row('owner')}", self.row("position")
        element, kind = " + ".join(terms) or "0", "normal" if op.normal else "uniform"
        return f"philox_{kind}({seed}, {step}, {example}, {op.node}, {element}, {time})"


def _written(number: float) -> str:
    """A number as source: what Python prints as a name is written as a sum that has its value."""
    named = {"inf": "1e999", "-inf": "-1e999", "nan": "1e999 - 1e999"}
    return named.get(repr(number), repr(number))
