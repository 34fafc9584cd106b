"""Which words each storage gets.

Values of one block live in BLOCK, packed by lifetime within a phase, so that an activation's words
are used again as soon as its last reader has run; a bordered storage keeps its words for itself, as
its zeros must stay.  Values that a later phase reads are carried in arrays over the whole batch.
An update is written straight into the persistent where nobody reads the old value afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from compiler.graph.graph import Graph
from compiler.graph.types import TensorType
from compiler.ops.leaf import Constant
from compiler.program import Array, Operand, Space
from compiler.schedule.layout import Layouts, Place, StorageKey
from compiler.schedule.phases import PhaseKey
from compiler.schedule.units import Unit, is_leaf, is_pointwise, is_reduction

ALIGN = 16  # words: one cache line of float32


@dataclass
class Memory:
    """Operands by storage, and how many words each space has."""

    operands: dict[StorageKey, Operand] = field(default_factory=dict)
    partial: dict[StorageKey, Operand] = field(default_factory=dict)  # where a mean is summed up
    arrays: list[Array] = field(default_factory=list)
    uniform_words: int = 0
    block_words: int = 0
    partial_words: dict[PhaseKey, int] = field(default_factory=dict)

    def uniform(self, words: int) -> Operand:
        """Fresh words in UNIFORM."""
        offset, self.uniform_words = self.uniform_words, self.uniform_words + _aligned(words)
        return Operand(Space.UNIFORM, offset)

    def array(self, name: str, role: str, type: TensorType) -> Operand:
        """A new array over the batch."""
        self.arrays.append(Array(name=name, role=role, type=type))
        return Operand(Space.ARRAY + len(self.arrays) - 1, 0, type.size)


def _aligned(words: int) -> int:
    return -(-words // ALIGN) * ALIGN


@dataclass(frozen=True)
class Lifetimes:
    """For each stored node its unit, and the last unit that reads its storage."""

    made: Mapping[int, int]
    last: Mapping[StorageKey, int]
    stored: Mapping[int, list[int]]  # unit -> nodes that get words


def lifetimes(graph: Graph, units: Sequence[Unit], layouts: Layouts) -> Lifetimes:
    """Which nodes are read outside their unit, and until when."""
    made = {id: u for u, unit in enumerate(units) for id in unit.nodes}
    last: dict[StorageKey, int] = {}
    needed = set(graph.outputs.values()) | {unit.nodes[-1] for unit in units}
    for u, unit in enumerate(units):
        for id in unit.nodes:
            for operand in graph[id].inputs:
                place = layouts.places[operand]
                if made.get(operand) != u and not _written_out(graph, id, operand):
                    last[place.storage] = u
                    if place.storage[0] == "node":
                        needed.add(int(place.storage[1]))
    stored = {u: [id for id in unit.nodes if id in needed] for u, unit in enumerate(units)}
    return Lifetimes(made, last, stored)


def _written_out(graph: Graph, reader: int, operand: int) -> bool:
    """Whether a constant stands in the reader's source as a number, and needs no words."""
    loops = is_pointwise(graph[reader]) or is_reduction(graph[reader])
    return isinstance(graph[operand].op, Constant) and loops


def place_arrays(
    graph: Graph, units: Sequence[Unit], layouts: Layouts, life: Lifetimes, memory: Memory
) -> None:
    """Inputs, outputs and what is carried from one phase to a later one."""
    varying = graph.varying()
    for node in graph.nodes:
        if node.op.name == "input":
            key = layouts.places[node.id].storage
            if key not in memory.operands:
                memory.operands[key] = memory.array(str(key[1]), "input", node.type)
    for name, id in graph.outputs.items():
        if id in varying:
            key = layouts.places[id].storage
            memory.operands[key] = memory.array(name, "output", graph[id].type)
    for u, stored in life.stored.items():
        for id in stored:
            key = layouts.places[id].storage
            end = life.last.get(key, u)
            if id in varying and key not in memory.operands and units[end].phase != units[u].phase:
                type = TensorType((layouts.words[key],), graph[id].type.kind)
                memory.operands[key] = memory.array(f"%{id}", "carried", type)


def place_values(
    graph: Graph, units: Sequence[Unit], layouts: Layouts, life: Lifetimes, memory: Memory
) -> None:
    """BLOCK, UNIFORM and PARTIAL words for everything that is not in an array."""
    varying = graph.varying()
    free = _Pool()
    for u, unit in enumerate(units):
        if u and units[u - 1].phase != unit.phase:
            free = _Pool()
        for id in life.stored[u]:
            key, words = layouts.places[id].storage, layouts.words[layouts.places[id].storage]
            if key in memory.operands:
                continue
            if id not in varying:
                memory.operands[key] = memory.uniform(words)
                if unit.phase.examples:
                    _partial(memory, key, unit.phase, words)
                continue
            if key in layouts.bordered:
                continue
            memory.operands[key] = Operand(Space.BLOCK, free.take(words))
        memory.block_words = max(memory.block_words, free.top)
        for key, end in life.last.items():
            operand = memory.operands.get(key)
            if end == u and operand is not None and operand.space == Space.BLOCK:
                free.give(operand.offset, layouts.words[key])
    _pin_bordered(life, layouts, varying, memory)


def _partial(memory: Memory, key: StorageKey, phase: PhaseKey, words: int) -> None:
    offset = memory.partial_words.get(phase, 0)
    memory.partial[key] = Operand(Space.PARTIAL, offset)
    memory.partial_words[phase] = offset + _aligned(words)


def _pin_bordered(
    life: Lifetimes, layouts: Layouts, varying: frozenset[int], memory: Memory
) -> None:
    for stored in life.stored.values():
        for id in stored:
            key = layouts.places[id].storage
            if id in varying and key not in memory.operands:
                memory.operands[key] = Operand(Space.BLOCK, memory.block_words)
                memory.block_words += layouts.words[key]


class _Pool:
    """First fit over words per example."""

    def __init__(self) -> None:
        self.top = 0
        self.holes: list[tuple[int, int]] = []

    def take(self, words: int) -> int:
        """The first hole that is long enough, or new words at the top."""
        for k, (start, length) in enumerate(self.holes):
            if length >= words:
                self.holes[k : k + 1] = [(start + words, length - words)] if length > words else []
                return start
        start, self.top = self.top, self.top + words
        return start

    def give(self, start: int, words: int) -> None:
        """Return words, joining neighbouring holes."""
        holes = sorted([*self.holes, (start, words)])
        self.holes = []
        for begin, length in holes:
            if self.holes and sum(self.holes[-1]) == begin:
                self.holes[-1] = (self.holes[-1][0], self.holes[-1][1] + length)
            else:
                self.holes.append((begin, length))


def place_updates(
    graph: Graph,
    units: Sequence[Unit],
    layouts: Layouts,
    life: Lifetimes,
    offsets: Mapping[str, int],
    memory: Memory,
) -> list[tuple[int, str]]:
    """Put updates into their persistent where that is safe; the others are returned, to be copied
    last.
    """
    for node in graph.nodes:
        if node.op.name == "persistent":
            key = layouts.places[node.id].storage
            memory.operands[key] = Operand(Space.PERSISTENT, offsets[str(key[1])])
    late = []
    for name, id in graph.outputs.items():
        if not name.startswith("update/"):
            continue
        persistent = name.removeprefix("update/")
        key, target = layouts.places[id].storage, ("persistent", persistent)
        own = life.made[id]
        safe = life.last.get(target, own) <= own and _reads_in_place(
            graph, units[own], id, target, layouts
        )
        if (
            safe
            and key not in layouts.bordered
            and not is_leaf(graph[id])
            and not units[own].phase.examples
        ):
            memory.operands[key] = Operand(Space.PERSISTENT, offsets[persistent])
        else:
            late.append((id, persistent))
    return late


def _reads_in_place(
    graph: Graph, unit: Unit, updated: int, target: StorageKey, layouts: Layouts
) -> bool:
    """Whether a unit reads the old value only at the element it is about to write."""
    shape = graph[updated].type.shape
    wanted: Place = layouts.places[updated]
    for id in unit.nodes:
        for operand in graph[id].inputs:
            place = layouts.places[operand]
            if place.storage != target:
                continue
            same = graph[operand].type.shape == shape and place.strides == wanted.strides
            if not same or place.offset != 0:
                return False
    return True
