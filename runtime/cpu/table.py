"""An entry and a batch size become one array of int64: what the native walker reads.

All offsets are turned into bytes, sizes of blocks are multiplied in, kernels and geometries become
addresses.  Another batch size is another table, a few microseconds' work; no code depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from math import gcd

import numpy as np
from numpy.typing import NDArray

from compiler.program import (
    DIVIDED,
    EVERY,
    Entry,
    Instruction,
    Operand,
    Phase,
    Result,
    Space,
    Sum,
    block_of,
)
from runtime.cpu import layout
from runtime.cpu.memory import aligned
from runtime.cpu.parts import Part, parts_of
from runtime.cpu.spaces import partial_bytes, uses_partials

SHARE = 64  # elements of a generated kernel: whole vectors, so that shares do not change a result
LIBRARY_SHARE = 16


@dataclass(frozen=True, slots=True)
class Flattener:
    """Writes the records of one entry at one batch size."""

    entry: Entry
    kernels: Sequence[int]  # the address of each kernel
    examples: int
    word: int
    room: Sequence[int]  # rows of each time that a block may have

    def operand(self, operand: Operand) -> list[int]:
        """A record of layout.OPERAND words."""
        start, step = operand.offset, operand.step
        if step is not None:
            start = step.offset * self.rows(None)
        elif operand.space == Space.BLOCK:
            start = self.block_start(operand.time) + operand.offset * self.rows(operand.time)
        start += operand.inner
        what = 0 if operand.time is None else operand.time + 1
        back = 0 if step is None else step.words * self.word
        return [operand.space, start * self.word, operand.stride * self.word, what, back]

    def rows(self, time: int | None) -> int:
        """The rows of a time that BLOCK has room for."""
        return block_of(self.entry, self.examples) if time is None else self.room[time]

    def block_start(self, time: int | None) -> int:
        """Where the values of a time begin in BLOCK: after the examples' and other times'."""
        if time is None:
            return 0
        before = zip(self.entry.kept_words[:time], self.room[:time], strict=True)
        return self.entry.block * self.entry.block_words + sum(w * rows for w, rows in before)

    def grain(self, instruction: Instruction) -> int:
        """A thread's share is a multiple of this; 0 if the instruction is not shared out."""
        if not instruction.split:
            return 0
        if self.entry.kernels[instruction.kernel].source is None:
            return LIBRARY_SHARE if instruction.extent >= 4 * LIBRARY_SHARE else 1
        return SHARE if instruction.extent >= 2 * SHARE else 0

    def cuts(self, instructions: Sequence[Instruction]) -> Iterator[tuple[int, int]]:
        """Each instruction's grain, and how many follow it.

        Those are cut where it is, at so many words for each of its rows.
        """
        extent = 1
        for k, item in enumerate(instructions):
            if item.follows:
                yield item.extent // extent, 0
                continue
            after = list(takewhile(lambda i: i.follows, instructions[k + 1 :]))
            grain, extent = self.grain(item), item.extent
            if after:
                grain = max(8, SHARE // gcd(SHARE, after[0].extent // extent))
            yield grain, len(after)

    def geometry(self, number: int) -> int:
        """A number of a geometry, where it depends on the batch."""
        if number == EVERY:
            return self.examples
        return 2 * self.examples + number - DIVIDED if DIVIDED <= number <= DIVIDED + 1 else number

    def instruction(
        self,
        instruction: Instruction,
        operands: int,
        geometry: int,
        cut: tuple[int, int],
        wait: bool,
    ) -> list[int]:
        """A record of layout.INSTRUCTION words."""
        kernel = self.kernels[instruction.kernel]
        count = len(instruction.operands)
        assert count <= layout.MOST_OPERANDS, f"{instruction.note}: {count} operands are too many"
        what = 0 if instruction.time is None else instruction.time + 1
        grain, followers = cut
        tail = [instruction.extent, grain, int(wait), what, followers]
        return [kernel, operands, count, geometry, *tail]

    def result(self, number: int, result: Result) -> list[int]:
        """A record of layout.RESULT words."""
        space = Space.ARRAY + len(self.entry.arrays) + number
        return [result.offset * self.word, result.words * self.word, space]

    def sum(self, sum: Sum) -> list[int]:
        """A record of layout.SUM words."""
        return [sum.partial * self.word, sum.uniform * self.word, sum.words]

    def strides(self) -> list[int]:
        """Bytes by which each space's base moves from one step to the next."""
        arrays = [
            0
            if array.role == "carried" or array.type.time is not None
            else array.type.size * self.examples * self.word
            for array in self.entry.arrays
        ]
        results = [result.words * self.word for result in self.entry.results]
        clock = layout.CLOCK * len(self.entry.times) * -(-self.examples // self.entry.block) * 8
        return [0] * Space.ARRAY + arrays + results + [clock]


def waits(phase: Phase, shared: Sequence[bool]) -> Iterator[bool]:
    """Whether threads must wait before each instruction: only if another may still be at work.

    Instructions that are not shared out all run on thread 0, in order.
    """
    pending = {False: False, True: False}  # unfinished: thread 0's own, and shared ones
    for instruction, split in zip(phase.instructions, shared, strict=True):
        wait = instruction.barrier and (pending[True] or (split and pending[False]))
        if wait:
            pending = {False: False, True: False}
        pending[split] = True
        yield wait


def build_table(
    entry: Entry, kernels: Sequence[int], examples: int, word: int, room: Sequence[int] = ()
) -> NDArray[np.int64]:
    """The table of an entry for batches of `examples`; it holds its own geometries.

    `room` is for how many rows of each time there are words in BLOCK.
    """
    flat = Flattener(entry, kernels, examples, word, room)
    parts = [parts_of(entry, phase, examples) for phase in entry.phases]
    items = [item for phase in entry.phases for item in phase.instructions]
    items += [part.instruction for phase in parts for part in phase]
    loops = sum(len(phase.loops) for phase in entry.phases)
    tail = {  # all that stands after the instructions, by section
        "operands": [n for item in items for o in item.operands for n in flat.operand(o)],
        "sums": [n for p in entry.phases for s in p.sums for n in flat.sum(s)],
        "results": [n for k, r in enumerate(entry.results) for n in flat.result(k, r)],
        "strides": flat.strides(),
        "geometry": [flat.geometry(number) for item in items for number in item.geometry],
    }
    instructions = layout.HEADER + layout.PHASE * len(entry.phases)
    starts = {"instructions": instructions}
    end = instructions + layout.INSTRUCTION * (len(items) + loops)
    for name, numbers in tail.items():
        starts[name], end = end, end + len(numbers)
    table = aligned(end, np.dtype(np.int64))
    geometry = table.ctypes.data + 8 * starts["geometry"]
    table[:] = [
        *header(flat, starts),
        *phase_records(entry, starts, [len(phase) for phase in parts]),
        *instruction_records(flat, starts["operands"], geometry, parts),
        *(number for numbers in tail.values() for number in numbers),
    ]
    return table


def header(flat: Flattener, starts: Mapping[str, int]) -> list[int]:
    """The first layout.HEADER words."""
    entry, examples = flat.entry, flat.examples
    block = block_of(entry, examples)
    blocks = -(-examples // block)
    chunks = min(entry.chunks, blocks)  # the others would be empty
    spaces = len(flat.strides())
    words = [examples, block, blocks, chunks, len(entry.phases), partial_bytes(entry, flat.word)]
    words += [spaces, starts["strides"], len(entry.results), starts["results"]]
    return [*words, len(entry.times), spaces - 1]


def phase_records(entry: Entry, starts: Mapping[str, int], parts: Sequence[int]) -> Iterator[int]:
    """A record of layout.PHASE words for each phase, which may have some parts."""
    first, first_sum = starts["instructions"], starts["sums"]
    first_part = starts["operands"] - layout.INSTRUCTION * sum(parts)
    for phase, own in zip(entry.phases, parts, strict=True):
        count = len(phase.instructions) + len(phase.loops)
        yield from (int(phase.examples), first, count, int(uses_partials(phase)))
        yield from (first_sum, len(phase.sums), first_part, own)
        first_part += layout.INSTRUCTION * own
        first += layout.INSTRUCTION * count
        first_sum += layout.SUM * len(phase.sums)


def instruction_records(
    flat: Flattener, operands: int, geometry: int, parts: Sequence[Sequence[Part]]
) -> Iterator[int]:
    """All instructions in order, the head of a loop before its own, and then all parts; where the
    first's operands begin, and the address of its geometry.
    """
    for phase in flat.entry.phases:
        cuts = list(flat.cuts(phase.instructions))
        waiting = waits(phase, [grain > 0 for grain, _ in cuts])
        heads = {loop.start: loop for loop in phase.loops}
        for k, (item, cut, wait) in enumerate(zip(phase.instructions, cuts, waiting, strict=True)):
            if k in heads:
                loop = heads[k]
                head = [0, loop.count, loop.time, int(loop.backwards)]
                yield from head + [0] * (layout.INSTRUCTION - len(head))
            yield from flat.instruction(item, operands, geometry, cut, wait)
            operands += layout.OPERAND * len(item.operands)
            geometry += 8 * len(item.geometry)
    for part in (part for phase in parts for part in phase):
        item = replace(part.instruction, extent=part.number)
        yield from flat.instruction(item, operands, geometry, (part.of, 0), part.wait)
        operands += layout.OPERAND * len(item.operands)
        geometry += 8 * len(item.geometry)
