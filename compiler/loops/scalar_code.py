"""The statements of one generated kernel, and the loads they need.

A node of a fusion group is one three-address statement.  An operator of sequences is a load from
another row: of the value that the owning example has, of the element at the other end, of the
element one step before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from gradc_compiler.fusion.stages import Region
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.loops.ir import (
    Apply,
    KernelArgument,
    LoopCounter,
    MemAccess,
    NestLoop,
    Scalar,
    ScalarConstant,
    Statement,
    Variable,
)
from gradc_compiler.loops.scalar_form import applied, whole_number
from gradc_compiler.memory.layout import BufferView, clock_place, row_major
from gradc_compiler.ops.contract import Map, index
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.index import Increment
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.sequence import AtLast, Last, Previous, Reverse, TimeBroadcast
from gradc_compiler.program.arrays import ClockName
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.records.fast_dataclass import dataclass

ROW_NAMES = 10**7  # rows are n10000000, ...: numbers that no node has
ZERO, ONE = whole_number(0), whole_number(1)


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

    def access(
        self, place: BufferView, shape: Sequence[int], row: Variable | None = None
    ) -> MemAccess:
        """A value of `shape` as the loops move over it, broadcast to the shape of the index
        space.
        """
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
        return (
            (NestLoop(extent=Extent.RANGE, reduces=over_rows), *inner) if self.examples else inner
        )


def identity(shape: tuple[int, ...], region: Region) -> IterationSpace:
    """Every element of a shape."""
    return IterationSpace(shape, shape, tuple(index(j) for j in range(len(shape))), region)


def variable(node: Node) -> Variable:
    """The variable that holds a node's value in a kernel."""
    return Variable(node.type.kind, node.id)


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
        self.loads: list[tuple[Variable, MemAccess]] = []
        self.statements: list[Statement] = []
        self.positional = False
        self._known: dict[object, Variable] = {}

    def add(self, node: Node) -> None:
        """The statement that computes a node."""
        raw = node.type.kind is Kind.INDEX
        match node.op:
            case Random() as op:
                value = self._draw(op, node)
            case Increment():
                value = Apply("+", (self.read(node.inputs[0], raw), ONE))
            case Elementwise() as op:
                value = applied(op.text, [self.read(i, raw) for i in node.inputs])
            case TimeBroadcast():
                value = self.read(node.inputs[0], raw)
            case Reverse():
                value = self.read(node.inputs[0], raw, self.row("mirror"))
            case Previous() as op:
                value = self._previous(op, node)
            case AtLast() | Last():
                value = self._at_an_end(node, raw)
            case op:
                raise AssertionError(f"{op.name} is no statement")
        self.statements.append(Statement(variable(node), value))

    def product(self, factors: Sequence[int], domains: Sequence[IterationSpace]) -> Variable:
        """The variable that holds a product of operands, each read over a domain of its own."""
        read = [self.read(i, domain=d) for i, d in zip(factors, domains, strict=True)]
        if len(read) == 1 and isinstance(read[0], Variable):
            return read[0]
        result = Variable(Kind.REAL, self._fresh())
        self._known[result] = result
        total = reduce(lambda a, b: Apply("times", (a, b)), read)
        self.statements.append(Statement(result, total))
        return result

    def read(
        self,
        id: int,
        raw: bool = False,
        row: Variable | None = None,
        domain: IterationSpace | None = None,
    ) -> Scalar:
        """An operand's element, of this row or of another; a `raw` one stays a whole number."""
        node, domain = self.graph[id], domain or self.domain
        if isinstance(node.op, Constant):
            return ScalarConstant(node.op.value, Kind.REAL)
        if id in self.inside and row is None:
            known = variable(node)
            return Apply("real", (known,)) if known.kind is Kind.INDEX and not raw else known
        place = self.places[id]
        if row is None and place.example and place.time != self.domain.region.time:
            row = self.row("owner")
        key = (id, raw, row, domain.positions)
        if key not in self._known:
            own = row is None and domain is self.domain
            kind = Kind.INDEX if raw else Kind.REAL
            self._known[key] = Variable(kind, id if own else self._fresh())
            self.loads.append((self._known[key], domain.access(place, node.type.shape, row)))
        return self._known[key]

    def row(self, kind: str, time: Time | None = None) -> Variable:
        """A whole number about every row of a time, or (with `time`) about every example, which the
        runtime gives.
        """
        about = self.domain.region.time if time is None else time
        assert about is not None, f"{kind} belongs to a time"
        key = ClockName(kind, about)
        if key not in self._known:
            self._known[key] = Variable(Kind.INDEX, self._fresh())
            place = clock_place(kind, about, per_row=time is None)
            self.loads.append((self._known[key], self.domain.access(place, ())))
        return self._known[key]

    def _fresh(self) -> int:
        return ROW_NAMES + len(self._known)

    def _previous(self, op: Previous, node: Node) -> Scalar:
        row = self.row("after" if op.backwards else "before")
        carried = self.read(self.graph.carries[op.loop], row=row)
        distance = self.row("remaining" if op.backwards else "position")
        return Apply("select", (Apply(">", (distance, ZERO)), carried, self.read(node.inputs[0])))

    def _at_an_end(self, node: Node, raw: bool) -> Scalar:
        """The value at the first or the last element only, 0 at others; or the example's value from
        there.
        """
        (source,), op = node.inputs, node.op
        nothing = ScalarConstant(0 if raw else 0.0, node.type.kind)
        if isinstance(op, AtLast):
            there = Apply("==", (self.row("position" if op.first else "remaining"), ZERO))
            return Apply("select", (there, self.read(source, raw), nothing))
        assert isinstance(op, Last), "the one or the other"
        time = self.graph[source].type.time
        end = self.read(source, raw, self.row("first" if op.first else "last", time))
        return Apply("select", (Apply(">", (self.row("length", time), ZERO)), end, nothing))

    def _draw(self, op: Random, node: Node) -> Scalar:
        self.positional = True
        seed, step = (self.read(i, raw=True) for i in node.inputs)
        outer = 1 if self.domain.examples else 0
        strides = row_major(op.whole)
        terms = [_times(LoopCounter(outer + j), s) for j, s in enumerate(strides)]
        if op.part is not None:
            terms += [whole_number(sum(a * s for a, s in zip(op.part.start, strides, strict=True)))]
        element = reduce(lambda a, b: Apply("+", (a, b)), terms) if terms else ZERO
        first = KernelArgument("first")
        example: Scalar = ZERO
        time: Scalar = ZERO
        if op.time is not None:
            example, time = Apply("+", (first, self.row("owner"))), self.row("position")
        elif self.domain.examples and not op.shared:
            example = Apply("+", (first, LoopCounter(0)))
        number = whole_number(op.node)
        name = f"philox_{'normal' if op.normal else 'uniform'}"
        return Apply(name, (seed, step, example, number, element, time))


def _times(counter: LoopCounter, stride: int) -> Scalar:
    """A counter times a number of words."""
    return counter if stride == 1 else Apply("*", (counter, whole_number(stride)))
