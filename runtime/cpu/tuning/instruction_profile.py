"""A profile of an entry: every instruction of its table is timed, in order.

The instructions are called from Python on one thread, in their order, so each finds the caches as
it does in native code.  The time of a call from Python by itself is measured and subtracted.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from time import perf_counter

import numpy as np

from gradc_compiler.program.entry import MOST_OPERANDS, Instruction, Kernel
from gradc_runtime.binding.io_binding import address
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.objects.compile_kernels import addresses
from gradc_runtime.cpu.objects.link import NATIVE
from gradc_runtime.cpu.partition.divide import tasks_of
from gradc_runtime.data.arrays.checked import Batches

ALONE = Kernel("alone")
NOTHING = Kernel("k0", "def k0(pointers, geometry, begin, end, first):\n    pass\n")
CALLS = 200
Call = tuple[int, int, int, list[int]]  # an instruction's place, begin, end, first of each time


class Profile:
    """One entry on one batch: `seconds()` walks it once."""

    def __init__(self, executable: Executable, inputs: Batches) -> None:
        self.bound = executable.bind(inputs)
        self.table = self.bound.plan.table.tolist()
        self.bases = self.bound.plan.bases[0].copy()
        self.entry = executable.variant(self.table[bytecode.EXAMPLES])
        self.done = list(self._done())
        self.pointers = np.zeros(MOST_OPERANDS + 1, np.int64)  # and the kernel
        alone, nothing = addresses([ALONE, NOTHING], executable.word)
        self.alone = NATIVE(alone)
        self.overhead = min(self._call(nothing, 0, 0, 0, 0) for _ in range(CALLS))

    def seconds(self) -> list[float]:
        """Seconds in a step of each instruction, in the order of the entry's phases."""
        spent = dict.fromkeys(self._places(), 0.0)
        for call in self._calls():
            spent[call[0]] += self._time(*call)
        by_item = dict(zip(map(id, self.done), spent.values(), strict=True))
        return [by_item[id(item)] for phase in self.entry.phases for item in phase.instructions]

    def _done(self) -> Iterator[Instruction]:
        """All instructions as the table has them."""
        threads = self.bound.plan.threads
        for phase, at in zip(self.entry.phases, self._phases(), strict=True):
            cut = self.table[at + bytecode.CUT]
            block = self.table[cut + bytecode.BLOCK]
            members = self.table[cut + bytecode.MEMBERS] if phase.examples else threads
            yield from (t.instruction for t in tasks_of(self.entry, phase, block, members))

    def rows(self) -> list[int]:
        """How many examples there are, and how many elements of each time."""
        times = self.table[bytecode.TIMES]
        words = self.table[bytecode.BLOCKS] * times * bytecode.CLOCK
        clock = self.bound.clock.words.reshape(-1)[:words]
        counts = clock[bytecode.CLOCK_ROWS :: bytecode.CLOCK].reshape(
            self.table[bytecode.BLOCKS], times
        )
        return [self.table[bytecode.EXAMPLES], *map(int, counts.sum(axis=0))]

    def _places(self) -> Iterator[int]:
        """Where each instruction is in the table; the head of a loop is none."""
        for phase in self._phases():
            yield from (at for at in self._records(phase) if self.table[at + bytecode.KERNEL] != 0)

    def _phases(self) -> list[int]:
        return [bytecode.HEADER + p * bytecode.PHASE for p in range(self.table[bytecode.PHASES])]

    def _records(self, phase: int) -> list[int]:
        start = self.table[phase + bytecode.INSTRUCTIONS_START]
        count = self.table[phase + bytecode.INSTRUCTIONS]
        return [start + i * bytecode.INSTRUCTION for i in range(count)]

    def _calls(self) -> Iterator[Call]:
        """Every call of a kernel in a step; sums over chunks happen between them."""
        table = self.table
        for phase in self._phases():
            records = self._records(phase)
            if table[phase + bytecode.OF_EXAMPLES] == 0:
                yield from ((at, 0, table[at + bytecode.END], [0, 0]) for at in records)
                continue
            cut = table[phase + bytecode.CUT]
            for block in range(table[cut + bytecode.BLOCKS]):
                yield from self._block(block, table[cut + bytecode.BLOCK], records)

    def _block(self, block: int, size: int, records: list[int]) -> Iterator[Call]:
        table, times = self.table, self.table[bytecode.TIMES]
        first = block * size
        clock = self.bound.clock.words.reshape(-1)[block * times * bytecode.CLOCK :].tolist()
        clocks = [clock[bytecode.CLOCK * k :][: bytecode.CLOCK] for k in range(times)]
        firsts = [first, *(own[bytecode.CLOCK_FIRST] for own in clocks)]
        ends = [min(size, table[bytecode.EXAMPLES] - first)]
        ends += [own[bytecode.CLOCK_ROWS] for own in clocks]
        inside = 0
        for k, at in enumerate(records):
            if table[at + bytecode.KERNEL] == 0:
                inside = table[at + bytecode.LOOP_LENGTH]
                loop = records[k + 1 : k + 1 + inside]
                clock = clocks[table[at + bytecode.LOOP_TIME]]
                for begin, end in _steps(clock, table[at + bytecode.LOOP_BACKWARDS] != 0):
                    yield from ((one, begin, end, firsts) for one in loop)
            elif inside:
                inside -= 1
            elif ends[table[at + bytecode.ROWS]] > 0:
                yield at, 0, ends[table[at + bytecode.ROWS]], firsts

    def _time(self, at: int, begin: int, end: int, firsts: list[int]) -> float:
        table, operand = self.table, self.table[at + bytecode.OPERANDS_START]
        for k in range(table[at + bytecode.OPERANDS]):
            space, start, stride, rows, step, _ = table[operand : operand + bytecode.OPERAND]
            place = int(self.bases[space]) + start - begin * step
            self.pointers[k] = place + firsts[rows] * stride
            operand += bytecode.OPERAND
        code, geometry = table[at + bytecode.KERNEL], table[at + bytecode.GEOMETRY_AT]
        return max(0.0, self._call(code, geometry, begin, end, firsts[0]) - self.overhead)

    def _call(self, kernel: int, geometry: int, begin: int, end: int, first: int) -> float:
        self.pointers[MOST_OPERANDS] = kernel
        pointers = address(self.pointers)
        start = perf_counter()
        self.alone(pointers, geometry, begin, end, first)
        return perf_counter() - start


def _steps(clock: list[int], backwards: bool) -> Iterator[tuple[int, int]]:
    """The rows of each step of a time, in the order of a loop."""
    counts = ctypes.c_int64 * clock[bytecode.CLOCK_STEPS]
    ends = np.cumsum([0, *counts.from_address(clock[bytecode.CLOCK_COUNTS])]).tolist()
    ranges = list(pairwise(ends))
    yield from reversed(ranges) if backwards else ranges
