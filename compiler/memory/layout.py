"""Where the elements of each value lie: a buffer, an offset in it, and a stride for every axis.

A buffer (`storage`) is what gets words of its own: an input, state, a constant tensor, or a node
that a kernel computes.  Views and reshapes are other strides over the same buffer, so they cost
nothing.  A contraction may read outside its operand, where zeros are meant, or write outside its
result: such a value is stored with a *halo* of zeros, so that kernels need no test for the edge.
A value whose only reader is a concatenation is computed where the concatenation wants it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.fusion.groups import is_alias
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.ops.contract import Contract, Map
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.sequence import Length, TimePosition
from gradc_compiler.ops.shape import Concat, Reshape
from gradc_compiler.program.arrays import ClockName
from gradc_compiler.records.fast_dataclass import dataclass

StorageKey = tuple[str, str | int | ClockName]


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferView:
    """Element (i, j, ...) of an example is word offset + i * strides[0] + j * strides[1] + ..."""

    storage: StorageKey
    offset: int
    strides: tuple[int, ...]
    example: int  # words from one example to the next; 0 where the value is uniform
    index: bool = False
    time: Time | None = None  # if given, `example` is from one element of a sequence to the next


@dataclass(frozen=True, slots=True)
class Halo:
    """Zeros kept before and after each axis."""

    before: tuple[int, ...]
    after: tuple[int, ...]

    @staticmethod
    def none(rank: int) -> Halo:
        """No zeros at all."""
        return Halo((0,) * rank, (0,) * rank)

    def widened(self, other: Halo) -> Halo:
        """The smallest halo that contains both."""
        before = tuple(map(max, self.before, other.before))
        return Halo(before, tuple(map(max, self.after, other.after)))


@dataclass(frozen=True, slots=True)
class Layouts:
    """The view of every node that has one, the size of every buffer in words (of one example, if
    the value differs between examples), and the buffers that have a halo.
    """

    places: Mapping[int, BufferView]
    words: Mapping[StorageKey, int]
    bordered: frozenset[StorageKey]


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of a tensor without gaps."""
    return tuple(prod(shape[j + 1 :]) for j in range(len(shape)))


def assign_layouts(graph: Graph, varying: Iterable[int]) -> Layouts:
    """Give every node its view of a buffer."""
    varying, borders = frozenset(varying), _borders(graph)
    places: dict[int, BufferView] = {}
    words: dict[StorageKey, int] = {}
    wholes = parts_in_place(graph, borders)
    for id in dict.fromkeys(whole for whole, _ in wholes.values()):
        place, size = _fresh(graph[id], borders.get(id), id in varying)
        places[id], words[place.storage] = place, size
    for node in graph.nodes:
        if node.id in places:
            continue
        if node.id in wholes:
            whole, start = wholes[node.id]
            places[node.id] = replace(places[whole], offset=places[whole].offset + start)
            continue
        if is_alias(graph, node):
            places[node.id] = _view(node, graph[node.inputs[0]], places[node.inputs[0]])
            continue
        place, size = _fresh(node, borders.get(node.id), node.id in varying)
        places[node.id], words[place.storage] = place, size
    for id in _whole_numbers(graph):
        places[id] = replace(places[id], index=True)
    bordered = frozenset(places[i].storage for i in borders)
    return Layouts(places, words, bordered)


def parts_in_place(graph: Graph, bordered: Container[int]) -> dict[int, tuple[int, int]]:
    """The nodes that are computed in their place within a concatenation: for each, the node of the
    concatenation and how many words of it come before this part.

    Only elementwise nodes qualify, because their kernels write with any strides.  The node must be
    a part of one concatenation only, occur in it once, and be no output of the graph.
    """
    wanted, varying = set(graph.results.values()), graph.varying
    found: dict[int, tuple[int, int]] = {}
    elsewhere: set[int] = set()
    for node in graph.nodes:
        if not isinstance(node.op, Concat) or node.id in bordered:
            continue
        start, stride = 0, row_major(node.type.shape)[node.op.axis]
        for i in node.inputs:
            same = (i in varying) == (node.id in varying) and graph[i].type.time == node.type.time
            free = i not in found and i not in wanted and i not in bordered and same
            if not free or not isinstance(graph[i].op, Elementwise):
                elsewhere.add(i)
            found.setdefault(i, (node.id, start * stride))
            start += graph[i].type.shape[node.op.axis]
    return {i: place for i, place in found.items() if i not in elsewhere}


def _whole_numbers(graph: Graph) -> list[int]:
    """The updates of counters: they are computed as reals and stored as whole numbers."""
    counters = {n.op.key for n in graph.nodes if isinstance(n.op, PersistentOp) and n.op.index}
    return [id for name, id in of_role(Role.UPDATE, graph.outputs).items() if name in counters]


def _fresh(node: Node, border: Halo | None, is_varying: bool) -> tuple[BufferView, int]:
    shape = node.type.shape
    border = border or Halo.none(len(shape))
    padded = [b + n + a for b, n, a in zip(border.before, shape, border.after, strict=True)]
    strides, size = row_major(padded), prod(padded)
    key: StorageKey = ("node", node.id)
    match node.op:
        case Input(key=name):
            key = ("input", name)
        case PersistentOp(key=name):
            key = ("persistent", name)
        case Length(time=time):
            return clock_place("length", time, per_row=False), 1
        case TimePosition(time=time):
            return clock_place("position", time, per_row=True), 1
    offset = sum(b * s for b, s in zip(border.before, strides, strict=True))
    place = BufferView(
        storage=key,
        offset=offset,
        strides=strides,
        example=size if is_varying else 0,
        index=node.type.kind is Kind.INDEX,
        time=node.type.time,
    )
    return place, size


def _view(node: Node, source: Node, place: BufferView) -> BufferView:
    if isinstance(node.op, Reshape):
        strides, offset = row_major(node.type.shape), place.offset
        assert place.strides == row_major(source.type.shape) or source.type.size <= 1, (
            f"%{node.id} reshapes %{source.id}, which is not row-major"
        )
    else:
        assert isinstance(node.op, Contract)
        loops, offset = through(node.op.operands[0], place, len(node.op.extents))
        strides = tuple(loops[p.plain] for p in node.op.result if p.plain is not None)
    return replace(place, offset=offset, strides=strides)


def clock_place(kind: str, time: Time, per_row: bool) -> BufferView:
    """Where the runtime puts a whole number about each example or, `per_row`, each row of a time:
    `length`, `position` and the like.
    """
    storage: StorageKey = ("clock", ClockName(kind, time))
    own = time if per_row else None
    return BufferView(storage=storage, offset=0, strides=(), example=1, index=True, time=own)


def through(m: Map, place: BufferView, loops: int) -> tuple[list[int], int]:
    """How `loops` loops walk through a view that is read at affine positions: the words by which
    each loop moves the address, and the offset of the first word.
    """
    moves, offset = [0] * loops, place.offset
    for position, stride in zip(m, place.strides, strict=True):
        offset += position.offset * stride
        for loop, coefficient in position.terms:
            moves[loop] += coefficient * stride
    return moves, offset


def _borders(graph: Graph) -> dict[int, Halo]:
    """The halo of each node over whose edge a contraction reads or writes: wide enough for all."""
    wanted: dict[int, Halo] = {}
    for node in graph.nodes:
        if not isinstance(node.op, Contract):
            continue
        for i, m in zip(node.inputs, node.op.operands, strict=True):
            _widen(wanted, graph[i], m, node.op)
        _widen(wanted, node, node.op.result, node.op)
    return wanted


def _widen(wanted: dict[int, Halo], node: Node, m: Map, op: Contract) -> None:
    ranges = [p.range(op.extents) for p in m]
    sizes = node.type.shape
    border = Halo(
        before=tuple(max(0, -low) for low, _ in ranges),
        after=tuple(max(0, high - n + 1) for (_, high), n in zip(ranges, sizes, strict=True)),
    )
    if any(border.before) or any(border.after):
        wanted[node.id] = wanted.get(node.id, Halo.none(len(m))).widened(border)
