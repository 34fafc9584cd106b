"""Equal groups are lowered once, such as those of a layer that a network has a hundred times.

What a group becomes follows from its operators, from the strides of the views that it reads and
writes, and from which of these are in the same buffer.  Where the buffers lie and how nodes are
numbered does not matter.  What does matter is the group's *pattern*.  When a pattern comes again,
the same instructions are written with other operands.  Their nests, which tell people and the
writers of whole steps what they mean, are built from the group itself when somebody asks for them.

Only groups of contractions and elementwise operators outside recurrences have a pattern.  A group
that comes while instructions run tile by tile has none either, as it may join them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

from gradc_compiler.fusion.groups import FusionGroup
from gradc_compiler.memory.layout import BufferView, StorageKey
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.leaf import Constant, Literal
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import Instruction, Operand
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.select.builder import ProgramBuilder
from gradc_compiler.select.lower import add_sum, lower_unit
from gradc_compiler.select.nests import Nests

Spot = tuple[int, int]  # an operand: the number of its buffer in a pattern, and the word within


@dataclass(frozen=True, slots=True)
class GroupPattern:
    """Everything that a group's instructions follow from; and the buffers of its operands: for each
    storage where it is read, and where it is summed up.
    """

    key: Hashable
    buffers: tuple[Operand | None, ...]


@dataclass(frozen=True, slots=True)
class Lowered:
    """What a pattern became: instructions with their operands, and the optimisations that were
    made.
    """

    items: tuple[tuple[Instruction, tuple[Spot, ...]], ...]
    applied: tuple[tuple[str, int], ...]


class LoweredOnce:
    """Lowers groups into a table; `count` says how many were lowered in full."""

    def __init__(self, table: ProgramBuilder) -> None:
        self.table, self.count = table, 0
        self._known: dict[Hashable, Lowered] = {}
        self._numbers: dict[object, int] = {}  # of operators and types: equal ones have one number
        self._number_of: dict[int, int] = {}  # the same by identity, which is faster

    def lower(self, unit: FusionGroup, stored: list[int]) -> None:
        """Add a group's instructions; `stored` are its nodes that others read."""
        pattern = None if self.table.pieces is not None else self._pattern(unit, stored)
        known = None if pattern is None else self._known.get(pattern.key)
        if pattern is not None and known is not None:
            self._repeat(unit, stored, pattern, known)
            return
        self.count += 1
        items = self.table.instructions.get(unit.phase, ())
        before, applied = len(items), {**self.table.switches.applied}
        lower_unit(self.table, unit, stored)
        if pattern is not None and self.table.pieces is None:
            made = self.table.instructions.get(unit.phase, [])[before:]
            spots = [_spots(item, pattern) for item in made]
            if None not in spots:
                pairs = zip(made, (s for s in spots if s is not None), strict=True)
                self._known[pattern.key] = Lowered(tuple(pairs), self._counted(applied))

    def _counted(self, before: dict[str, int]) -> tuple[tuple[str, int], ...]:
        """The optimisations made since a given moment, and how often each."""
        now = self.table.switches.applied
        return tuple((name, n - before.get(name, 0)) for name, n in now.items())

    def _repeat(
        self, unit: FusionGroup, stored: list[int], pattern: GroupPattern, known: Lowered
    ) -> None:
        """Add the instructions of a pattern that is known, for another group."""
        table = self.table
        nests, note = Deferred(lambda: _nests_of(table, unit, stored)), table.note(unit)
        own = table.nests.setdefault(unit.phase, Nests())
        instructions = table.instructions.setdefault(unit.phase, [])
        for number, (item, spots) in enumerate(known.items):
            own.append_later(nests, number)
            instructions.append(_again(item, pattern, spots, note))
        for name, times in known.applied:
            table.switches.count(name, times)
        add_sum(table, unit)

    def _pattern(self, unit: FusionGroup, stored: Sequence[int]) -> GroupPattern | None:
        """A group's pattern, if it has one."""
        region = unit.region
        if region.loop is not None:
            return None
        storages: dict[StorageKey, int] = {}
        numbers = {id: k for k, id in enumerate(unit.nodes)}
        nodes = list(self._of_nodes(unit, numbers))
        if None in nodes:
            return None
        places = self.table.layouts.places
        views = list(self._of_operands(list(numbers)[len(unit.nodes) :], storages))
        for id in dict.fromkeys([*stored, unit.nodes[-1]]):
            views.append((numbers[id], id in stored, _view(places[id], storages)))
        if any(key[0] == "clock" for key in storages) or self._of_other_rows(unit, numbers):
            return None
        buffers = tuple(self._buffers(storages))
        words = tuple([self.table.layouts.words.get(key) for key in storages])
        rows = region.phase.examples, region.time
        return GroupPattern((rows, tuple(nodes), tuple(views), words, _alike(buffers)), buffers)

    def _of_nodes(self, unit: FusionGroup, numbers: dict[int, int]) -> Iterator[Hashable]:
        """The group's nodes and what they read, by number; None if the group has no pattern."""
        for id in unit.nodes:
            node = self.table.graph.nodes[id]
            if not isinstance(node.op, Contract | Elementwise):
                yield None
                return
            read = tuple([numbers.setdefault(i, len(numbers)) for i in node.inputs])
            needed = self.table.needed.get(node.tag)
            yield self._number(node.op), self._number(node.type), read, needed

    def _of_operands(
        self, ids: Sequence[int], storages: dict[StorageKey, int]
    ) -> Iterator[Hashable]:
        """What the group reads from outside: constants by their numbers, which stand in a kernel's
        text; anything else by its view.
        """
        for id in ids:
            node = self.table.graph.nodes[id]
            text = self._number(node.op) if isinstance(node.op, Constant | Literal) else None
            yield text, self._number(node.type), _view(self.table.layouts.places[id], storages)

    def _of_other_rows(self, unit: FusionGroup, ids: dict[int, int]) -> bool:
        """Whether a value has rows of another time than the group's."""
        own = (self.table.layouts.places[id] for id in ids)
        return any(place.example and place.time != unit.region.time for place in own)

    def _buffers(self, storages: dict[StorageKey, int]) -> Iterator[Operand | None]:
        memory = self.table.memory
        for key in storages:
            yield memory.operands.get(key)
            yield memory.partial.get(key)

    def _number(self, value: object) -> int:
        """A number for an operator or a type, the same one for equal ones.  The graph keeps them
        alive, so identities stay unique.
        """
        found = self._number_of.get(id(value))
        if found is None:
            found = self._numbers.setdefault(value, len(self._numbers))
            self._number_of[id(value)] = found
        return found


def _view(place: BufferView, storages: dict[StorageKey, int]) -> Hashable:
    """A view, with a number in the place of its storage."""
    number = storages.setdefault(place.storage, len(storages))
    return number, place.offset, place.strides, place.example, place.index, place.time


def _begin(operand: Operand) -> Hashable:
    """An operand without the place within its buffer."""
    return operand.space, operand.offset, operand.stride, operand.time, operand.step, operand.words


def _alike(buffers: Sequence[Operand | None]) -> Hashable:
    """Which of some buffers are the same, and which are missing."""
    first: dict[Hashable, int] = {}
    return tuple(
        [None if b is None else first.setdefault(_begin(b), k) for k, b in enumerate(buffers)]
    )


def _spots(item: Instruction, pattern: GroupPattern) -> tuple[Spot, ...] | None:
    """Where an instruction's operands lie, in terms of its pattern; None if one lies in no buffer
    of the pattern.
    """
    numbers = {_begin(b): k for k, b in enumerate(pattern.buffers) if b is not None}
    found = [(numbers.get(_begin(operand)), operand.inner) for operand in item.operands]
    spots = tuple([(k, inner) for k, inner in found if k is not None])
    return spots if len(spots) == len(found) else None


def _again(
    item: Instruction, pattern: GroupPattern, spots: tuple[Spot, ...], note: str
) -> Instruction:
    """The same instruction on other operands.  It is written out field by field, since there are
    thousands of them.
    """
    return Instruction(
        kernel=item.kernel,
        operands=tuple([_operand(pattern, *spot) for spot in spots]),
        geometry=item.geometry,
        writes=item.writes,
        extent=item.extent,
        split=item.split,
        note=note,
        time=item.time,
        work=item.work,
        added=item.added,
        cuts=item.cuts,
    )


def _operand(pattern: GroupPattern, number: int, inner: int) -> Operand:
    """A word of a pattern's buffer."""
    buffer = pattern.buffers[number]
    assert buffer is not None, "equal patterns have the same buffers"
    return buffer if buffer.inner == inner else Operand(
        buffer.space, buffer.offset, buffer.stride, inner, buffer.time, buffer.step, buffer.words
    )  # fmt: skip


def _nests_of(table: ProgramBuilder, unit: FusionGroup, stored: list[int]) -> Nests:
    """The nests of a group, lowered in full into a table of its own."""
    alone = replace(
        table, kernels={}, instructions={}, nests={}, loops={}, sums={}, pieces=None,
        switches=Switches(table.switches.without),
    )  # fmt: skip
    lower_unit(alone, unit, stored)
    return alone.nests[unit.phase]
