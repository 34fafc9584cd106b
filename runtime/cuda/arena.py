"""Where every word of an entry lies for one batch size, and the kernels to launch, in order.

All spaces lie in one array of device words.  The whole batch is one block, so there is one copy of
PARTIAL, and a value of BLOCK begins at `offset` times N.  Of sequences there is room for so many
rows of each time; with less of them the rest is left alone, and nothing moves.

What a kernel reads besides (the first words of its operands, its geometry) is one stretch of a
table that is written once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import Entry, Instruction, Operand, Phase, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.kernels import CLEAR, MEAN

ALIGN = MACHINE.gpu_line  # words: spaces begin on a line of the GPU's cache


@dataclass(frozen=True, slots=True)
class KernelLaunch:
    """One launch: a kernel's text, where its numbers stand in the table, its pieces of work: for
    `each` row of a time (None: each example), or in all.
    """

    source: str
    at: int
    pieces: int
    each: bool = False
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Launches that are made for one step of a time after another."""

    time: int
    backwards: bool
    calls: tuple[KernelLaunch, ...]


@dataclass(frozen=True, slots=True)
class Arena:
    """The first word of each space, and how many words there are in all."""

    examples: int
    room: tuple[int, ...]  # rows of each time
    bases: tuple[int, ...]
    times: tuple[int, ...]  # the first word of BLOCK's values of each time
    words: int

    def first(self, operand: Operand) -> int:
        """The word at which an operand begins."""
        if operand.space != Space.BLOCK:
            return self.bases[operand.space] + operand.offset + operand.inner
        if operand.time is None:
            start, rows = self.bases[Space.BLOCK], self.examples
        else:
            start, rows = self.times[operand.time], self.room[operand.time]
        return start + operand.offset * rows + operand.inner


def arrange(entry: Entry, persistent_words: int, examples: int, room: Sequence[int] = ()) -> Arena:
    """Lay the spaces out one after another."""
    block = [entry.block_words * examples]
    block += [words * rows for words, rows in zip(entry.time_words, room, strict=True)]
    starts = np.cumsum([0, *block]).tolist()
    sizes = [persistent_words, entry.uniform_words, starts[-1], entry.partial_words]
    sizes += [_words(entry, array, examples, room) for array in entry.arrays]
    bases = [0]
    for size in sizes:
        bases.append(bases[-1] + -(-size // ALIGN) * ALIGN)
    times = tuple(bases[Space.BLOCK] + start for start in starts[1:-1])
    return Arena(examples, tuple(room), tuple(bases[:-1]), times, bases[-1])


def _words(entry: Entry, array: Array, examples: int, room: Sequence[int]) -> int:
    """Words of an array over the batch."""
    time = array.type.time
    return array.type.size * (examples if time is None else room[entry.times.index(time)])


@dataclass
class LaunchRecorder:
    """The launches of one run in the making, and the table that they read."""

    arena: Arena
    table: list[int] = field(default_factory=lambda: [0])

    def phase(self, entry: Entry, phase: Phase) -> list[KernelLaunch | Recurrence]:
        """Everything that a phase launches."""
        made: list[KernelLaunch | Recurrence] = []
        partial, uniform = self.arena.bases[Space.PARTIAL], self.arena.bases[Space.UNIFORM]
        if phase.examples and entry.partial_words:
            made.append(self.call(CLEAR, [partial], entry.partial_words))
        calls = [self.launch(instruction) for instruction in phase.instructions]
        start = 0
        for loop in phase.loops:
            end = loop.start + loop.count
            steps = Recurrence(loop.time, loop.backwards, tuple(calls[loop.start : end]))
            made += [*calls[start : loop.start], steps]
            start = end
        made += calls[start:]
        for s in phase.sums:
            made.append(self.call(MEAN, [partial + s.partial, uniform + s.uniform], s.words))
        return made

    def launch(self, instruction: Instruction) -> KernelLaunch:
        """The launch of an instruction."""
        launch = instruction.launch
        assert launch is not None, f"an instruction without a CUDA kernel: {instruction.note}"
        numbers = [*map(self.arena.first, launch.operands), *launch.geometry]
        return self.call(launch.source, numbers, launch.pieces, launch.each, launch.time)

    def call(
        self,
        source: str,
        numbers: Sequence[int],
        pieces: int,
        each: bool = False,
        time: int | None = None,
    ) -> KernelLaunch:
        """A launch, and its numbers in the table."""
        at = len(self.table)
        self.table += numbers
        return KernelLaunch(source, at, pieces, each, time)


def calls(entry: Entry, arena: Arena) -> tuple[list[KernelLaunch | Recurrence], NDArray[np.int64]]:
    """Every launch of one run in order, and the table they read."""
    listing = LaunchRecorder(arena)
    made = [item for phase in entry.phases for item in listing.phase(entry, phase)]
    return made, np.array(listing.table, np.int64)
