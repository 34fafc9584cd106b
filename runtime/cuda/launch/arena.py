"""Where every word of an entry lies on the device for one batch size.

What persists lies by itself, as all entries and batch sizes share it.  All other spaces lie one
after another.  The whole batch is one block, so there is one copy of PARTIAL, and a value of BLOCK
begins at `offset` times N.  Of sequences there is room for so many rows of each time, and for so
many steps of a recurrence; with less of them the rest is left alone, and nothing moves.

Places are words counted from address 0 of the device, so that a kernel needs no pointer to a space.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import Entry, Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.launch.kernel_call import Interval
from gradc_runtime.cuda.launch.time_room import TimeRoom

ALIGN = MACHINE.gpu_line  # words: spaces begin on a line of the GPU's cache


@dataclass(frozen=True)
class Arena:
    """The first word of each space, and how many words there are in all."""

    entry: Entry
    examples: int
    room: TimeRoom
    bases: tuple[int, ...]
    times: tuple[int, ...]  # the first word of BLOCK's values of each time
    words: int  # without what persists

    def placed(self, start: int, persistent: int) -> Arena:
        """The same from a word of the device on; what persists lies at another."""
        _, *others = self.bases
        bases = (persistent, *(base + start for base in others))
        return replace(self, bases=bases, times=tuple(time + start for time in self.times))

    def first(self, operand: Operand) -> int:
        """The word at which an operand begins."""
        return self._storage(operand) + operand.inner

    def _storage(self, operand: Operand) -> int:
        if operand.space != Space.BLOCK:
            return self.bases[operand.space] + operand.offset
        if operand.time is None:
            return self.bases[Space.BLOCK] + operand.offset * self.examples
        return self.times[operand.time] + operand.offset * self.room.rows[operand.time]

    def interval(self, operand: Operand) -> Interval:
        """The words of the storage that an operand lies in."""
        first = self._storage(operand)
        if operand.space >= Space.ARRAY:
            array = self.entry.arrays[operand.space - Space.ARRAY]
            first = self.bases[operand.space]
            return first, first + self.words_of(array)
        if operand.space == Space.BLOCK:
            rows = self.examples if operand.time is None else self.room.rows[operand.time]
            return first, first + max(1, operand.words) * max(1, rows)
        starts = self._starts[operand.space]
        end = bisect_right(starts, operand.offset)
        return first, self.bases[operand.space] + starts[end]

    def words_of(self, array: Array) -> int:
        """Words of an array over the batch."""
        return _words(self.entry, array, self.examples, self.room)

    @cached_property
    def _starts(self) -> dict[int, list[int]]:
        """Where storages begin in the spaces that have one copy, and where the last ends."""
        spaces = (Space.PERSISTENT, Space.UNIFORM, Space.PARTIAL)
        found: dict[int, set[int]] = {space: {1 << 40} for space in spaces}
        found[Space.UNIFORM].add(self.entry.uniform_words)
        found[Space.PARTIAL].add(self.entry.partial_words)
        for operand in operands_of(self.entry):
            if operand.space in found:
                found[operand.space].add(operand.offset)
        return {space: sorted(starts) for space, starts in found.items()}


def operands_of(entry: Entry) -> Iterator[Operand]:
    """The operands of all launches, and the places of constants, results and sums."""
    for phase in entry.phases:
        for item in phase.instructions:
            yield from item.launch.operands if item.launch is not None else item.operands
        for total in phase.sums:
            yield Operand(Space.UNIFORM, total.uniform)
            yield Operand(Space.PARTIAL, total.partial)
    yield from (Operand(Space.UNIFORM, constant.offset) for constant in entry.constants)
    yield from (Operand(Space.UNIFORM, result.offset) for result in entry.results)


def arrange(entry: Entry, examples: int, room: TimeRoom | None = None) -> Arena:
    """Lay the spaces out one after another, from word 0 on; what persists has no words here."""
    room = room or TimeRoom()
    block = [entry.block_words * examples]
    block += [words * rows for words, rows in zip(entry.time_words, room.rows, strict=True)]
    starts = np.cumsum([0, *block]).tolist()
    sizes = [0, entry.uniform_words, starts[-1], entry.partial_words]
    sizes += [_words(entry, array, examples, room) for array in entry.arrays]
    bases = [0]
    for size in sizes:
        bases.append(bases[-1] + -(-size // ALIGN) * ALIGN)
    times = tuple(bases[Space.BLOCK] + start for start in starts[1:-1])
    return Arena(entry, examples, room, tuple(bases[:-1]), times, bases[-1])


def _words(entry: Entry, array: Array, examples: int, room: TimeRoom) -> int:
    time = array.type.time
    return array.type.size * (examples if time is None else room.rows[entry.times.index(time)])
