"""Values that are not needed at the same time take turns in the same words.

In BLOCK words are given out again while values are placed (`compiler/memory/allocate.py`).  In two
other spaces values get new places when all instructions are known, since from these follows when a
value is needed:

* *UNIFORM*, where it is large.  The buffers that take turns all begin at the first word of a
  *slot*.  So two buffers either have no word in common or begin at the same word, and to compare
  the places of buffers, as barriers do, it is enough to compare first words.
* *carried arrays*.  Threads wait for one another between stages, so an array is needed for whole
  stages.  They may begin anywhere.

Some words must stay and are not shared: constants, results, state that a step finds as the one
before left it, and halos of zeros (unless both buffers have the same halo).  Nor are the words of a
buffer that is passed on piece by piece and never whole.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import pairwise

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.machine.targets import CUDA
from gradc_compiler.memory.allocate import ALIGN
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.arrays import Array
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import ConstantWords, Instruction, Launch, Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.select.builder import ProgramBuilder

Span = tuple[int, int]  # from the first use to the last


@dataclass
class Slot:
    """Room for buffers of one kind, of which no two are needed at once; their spans in order."""

    kind: Hashable
    words: int
    spans: list[Span] = field(default_factory=list)

    def takes(self, kind: Hashable, span: Span) -> bool:
        """Whether a buffer may share this slot."""
        if kind != self.kind:
            return False
        spans, at = self.spans, bisect(self.spans, span)
        after = at == 0 or spans[at - 1][1] < span[0]
        return after and (at == len(spans) or span[1] < spans[at][0])


def slots_of(wanted: Iterable[tuple[int, Hashable, int, Span]]) -> tuple[list[Slot], list[int]]:
    """Slots for buffers, and the slot of each buffer.

    Buffers are given by number, kind, words and span, the largest first.
    """
    slots: list[Slot] = []
    found: dict[int, int] = {}
    for number, kind, words, span in sorted(wanted, key=lambda item: -item[2]):
        k = next((k for k, slot in enumerate(slots) if slot.takes(kind, span)), len(slots))
        slots[k:] = slots[k:] or [Slot(kind, words)]
        insort(slots[k].spans, span)
        found[number] = k
    return slots, [found[number] for number in sorted(found)]


def packed(wanted: Iterable[tuple[int, int, Span]]) -> dict[int, int]:
    """The first word of each buffer: the lowest at which it meets no buffer that is needed at the
    same time.

    Buffers are given by number, words and span, the largest first.
    """
    placed: list[tuple[int, int, Span]] = []  # in order
    found: dict[int, int] = {}
    for number, words, span in sorted(wanted, key=lambda item: -item[1]):
        start = 0
        for begin, end, (first, last) in placed:
            if first <= span[1] and span[0] <= last:
                if begin - start >= words:
                    break
                start = max(start, end)
        insort(placed, (start, start + -(-words // ALIGN) * ALIGN, span))
        found[number] = start
    return found


def share_arrays(table: ProgramBuilder) -> tuple[Array, ...]:
    """The arrays of a table, with places for those that are carried.

    Arrays with a halo share slots with others that have the same halo; all others are packed
    together.
    """
    spans = stages_of_spaces(table)
    halos = {
        o.space: _halo(table, key) for key, o in table.memory.operands.items() if key[0] == "node"
    }
    arrays = table.memory.arrays
    carried = [
        (k, halos.get(k + Space.ARRAY), array.type.size, spans[k + Space.ARRAY])
        for k, array in enumerate(arrays)
        if array.role == "carried" and array.type.time is None and k + Space.ARRAY in spans
    ]
    bordered = [item for item in carried if item[1] is not None]
    slots, found = slots_of(bordered)
    own = {k: (slot, 0) for (k, *_), slot in zip(bordered, found, strict=True)}
    plain = packed((k, words, span) for k, halo, words, span in carried if halo is None)
    own |= {k: (len(slots), within) for k, within in plain.items()}
    return tuple(
        array if k not in own else replace(array, slot=own[k][0], within=own[k][1])
        for k, array in enumerate(arrays)
    )


def stages_of_spaces(table: ProgramBuilder) -> dict[int, Span]:
    """The first and the last stage, counted in order, whose instructions use a space."""
    spans: dict[int, Span] = {}
    for n, stage in enumerate(sorted(table.instructions)):
        for operand in (o for item in table.instructions[stage] for o in item.operands):
            spans[operand.space] = spans.get(operand.space, (n, n))[0], n
    return spans


def _halo(table: ProgramBuilder, key: StorageKey) -> Hashable:
    """Where a node's buffer has zeros; None for one without."""
    id = key[1]
    if key not in table.layouts.bordered or not isinstance(id, int):
        return None
    place = table.layouts.places[id]
    return place.offset, place.strides, table.graph[id].type.shape


@dataclass(frozen=True, slots=True)
class _Use:
    """One use of a buffer in UNIFORM."""

    time: int
    writes: bool
    leader: int  # the time of the first of the instructions that run piece by piece together


def pack_uniform(
    table: ProgramBuilder, constants: Sequence[ConstantWords]
) -> tuple[ConstantWords, ...]:
    """Give the buffers in UNIFORM new places; the result is where constants lie now."""
    memory = table.memory
    starts = {o.offset for o in memory.operands.values() if o.space == Space.UNIFORM}
    ends = sorted({*starts, memory.uniform_words})
    words = {start: end - start for start, end in pairwise(ends)}
    uses: dict[int, list[_Use]] = {}
    for offset, use in _uses(table):
        uses.setdefault(offset, []).append(use)
    fixed = set(_fixed(table)) | {constant.offset for constant in constants}
    if table.target == CUDA:  # calls that took turns in a few words would wait for one another
        fixed |= {start for start, size in words.items() if size < MACHINE.gpu_shared_words}
    spans = {offset: span for offset in uses.keys() - fixed if (span := _span(uses[offset]))}
    moved = _moved(words, spans)
    memory.uniform_words = moved.pop(memory.uniform_words)
    _move(table, moved)
    return tuple(replace(constant, offset=moved[constant.offset]) for constant in constants)


def _uses(table: ProgramBuilder) -> Iterator[tuple[int, _Use]]:
    """The buffers that each instruction uses, in order.

    The instructions of a batch stage count as one, as they run for one block after another.  Sums
    over chunks are written after them.
    """
    time = 0
    for stage in sorted(table.instructions):
        leader = time
        for item in table.instructions[stage]:
            leader = leader if item.follows else time
            written = range(len(item.operands)) if item.writes is None else item.writes
            for k, operand in enumerate(item.operands):
                if operand.space == Space.UNIFORM:
                    yield operand.offset, _Use(time, k in written, leader)
            time += not stage.examples
        time += 1
        for total in table.sums.get(stage, ()):
            yield total.uniform, _Use(time, writes=True, leader=time)
        time += 1


def _fixed(table: ProgramBuilder) -> Iterator[int]:
    """The buffers that keep their words for good: results, and those with a halo."""
    kept = {table.layouts.places[id].storage for id in table.graph.results.values()}
    for key, operand in table.memory.operands.items():
        if operand.space == Space.UNIFORM and (key in kept or key in table.layouts.bordered):
            yield operand.offset


def _span(uses: Sequence[_Use]) -> Span | None:
    """From the first use of a buffer to the last; None if it is read first, or is never there
    whole.

    Instructions that run piece by piece together count as one: the first goes on reading after the
    others have begun to write.
    """
    first = [use for use in uses if use.time == uses[0].time]
    passed_on = len(uses) > 1 and uses[-1].time > uses[0].time == uses[-1].leader
    if passed_on or not any(use.writes for use in first):
        return None
    return uses[0].leader, uses[-1].leader


def _moved(words: Mapping[int, int], spans: Mapping[int, Span]) -> dict[int, int]:
    """Where each buffer begins from now on; and under the number after the last, where all of them
    end.
    """
    shared = sorted(spans)
    slots, found = slots_of((offset, None, words[offset], spans[offset]) for offset in shared)
    slot_of = dict(zip(shared, found, strict=True))
    starts: dict[int, int] = {}  # of slots
    moved, end = dict[int, int](), 0
    for offset in sorted(words):
        slot = slot_of.get(offset)
        if slot is not None and slot in starts:
            moved[offset] = starts[slot]
            continue
        moved[offset] = end
        if slot is not None:
            starts[slot] = end
        size = words[offset] if slot is None else slots[slot].words
        end += -(-size // ALIGN) * ALIGN
    return moved | {max(words) + words[max(words)]: end}


def _move(table: ProgramBuilder, moved: Mapping[int, int]) -> None:
    """Change every operand in UNIFORM to its new place."""

    def operand(old: Operand) -> Operand:
        if old.space != Space.UNIFORM or moved[old.offset] == old.offset:
            return old
        return replace(old, offset=moved[old.offset])

    def launched(made: Deferred[Launch]) -> Launch:
        old = made.value
        return replace(old, operands=tuple(map(operand, old.operands)))

    def instruction(item: Instruction) -> Instruction:
        made, operands = item.deferred_launch, tuple(map(operand, item.operands))
        launch = None if made is None else Deferred(lambda: launched(made))
        return replace(item, operands=operands, deferred_launch=launch)

    for items in table.instructions.values():
        items[:] = map(instruction, items)
    for sums in table.sums.values():
        sums[:] = [replace(total, uniform=moved[total.uniform]) for total in sums]
    places = table.memory.operands
    places.update({key: operand(old) for key, old in places.items()})
