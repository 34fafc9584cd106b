"""Where the time of an entry goes: every instruction of its table timed, in the walker's order.

The table is walked from Python on one thread, so each instruction finds the caches as it does in
native code.  What a call from Python costs by itself is measured, and taken off.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from compiler.entry import MOST_OPERANDS, Kernel
from runtime.cpu import layout
from runtime.cpu.compile import addresses
from runtime.cpu.exchange import address
from runtime.cpu.executable import Executable
from runtime.cpu.link import NATIVE

ALONE = Kernel("alone")
NOTHING = Kernel("k0", "def k0(pointers, geometry, begin, end, first):\n    pass\n")
CALLS = 200
Call = tuple[int, int, int, list[int]]  # an instruction's place, begin, end, first of each time


class Profile:
    """One entry on one batch: `seconds()` walks it once."""

    def __init__(self, executable: Executable, inputs: Mapping[str, Any]) -> None:
        self.bound = executable.bind(inputs)
        self.table = self.bound.plan.table.tolist()
        self.bases = self.bound.plan.bases[0].copy()
        self.pointers = np.zeros(MOST_OPERANDS + 1, np.int64)  # and the kernel
        alone, nothing = addresses([ALONE, NOTHING], executable.word)
        self.alone = NATIVE(alone)
        self.overhead = min(self._call(nothing, 0, 0, 0, 0) for _ in range(CALLS))

    def seconds(self) -> list[float]:
        """Seconds in a step of each instruction, in the order of the entry's phases."""
        spent = dict.fromkeys(self._places(), 0.0)
        for call in self._calls():
            spent[call[0]] += self._time(*call)
        return list(spent.values())

    def rows(self) -> list[int]:
        """How many examples there are, and how many elements of each time."""
        times = self.table[layout.TIMES]
        words = self.table[layout.BLOCKS] * times * layout.CLOCK
        clock = self.bound.clock.words.reshape(-1)[:words]
        counts = clock[layout.CLOCK_ROWS :: layout.CLOCK].reshape(self.table[layout.BLOCKS], times)
        return [self.table[layout.EXAMPLES], *map(int, counts.sum(axis=0))]

    def _places(self) -> Iterator[int]:
        """Where each instruction is in the table; the head of a loop is none."""
        for phase in self._phases():
            yield from (at for at in self._records(phase) if self.table[at + layout.KERNEL] != 0)

    def _phases(self) -> list[int]:
        return [layout.HEADER + p * layout.PHASE for p in range(self.table[layout.PHASES])]

    def _records(self, phase: int) -> list[int]:
        start = self.table[phase + layout.INSTRUCTIONS_START]
        count = self.table[phase + layout.INSTRUCTIONS]
        return [start + i * layout.INSTRUCTION for i in range(count)]

    def _calls(self) -> Iterator[Call]:
        """Every call of a kernel in a step; sums over chunks happen between them."""
        table = self.table
        for phase in self._phases():
            records = self._records(phase)
            if table[phase + layout.OF_EXAMPLES] == 0:
                yield from ((at, 0, table[at + layout.EXTENT], [0, 0]) for at in records)
                continue
            for block in range(table[layout.BLOCKS]):
                yield from self._block(block, records)

    def _block(self, block: int, records: list[int]) -> Iterator[Call]:
        table, times = self.table, self.table[layout.TIMES]
        first = block * table[layout.BLOCK]
        clock = self.bound.clock.words.reshape(-1)[block * times * layout.CLOCK :].tolist()
        clocks = [clock[layout.CLOCK * k :][: layout.CLOCK] for k in range(times)]
        firsts = [first, *(own[layout.CLOCK_FIRST] for own in clocks)]
        ends = [min(table[layout.BLOCK], table[layout.EXAMPLES] - first)]
        ends += [own[layout.CLOCK_ROWS] for own in clocks]
        inside = 0
        for k, at in enumerate(records):
            if table[at + layout.KERNEL] == 0:
                inside = table[at + layout.LOOP_LENGTH]
                loop = records[k + 1 : k + 1 + inside]
                clock = clocks[table[at + layout.LOOP_TIME]]
                for begin, end in _steps(clock, table[at + layout.LOOP_BACKWARDS] != 0):
                    yield from ((one, begin, end, firsts) for one in loop)
            elif inside:
                inside -= 1
            elif ends[table[at + layout.ROWS]] > 0:
                yield at, 0, ends[table[at + layout.ROWS]], firsts

    def _time(self, at: int, begin: int, end: int, firsts: list[int]) -> float:
        table, operand = self.table, self.table[at + layout.OPERANDS_START]
        for k in range(table[at + layout.OPERANDS]):
            space, start, stride, rows, step = table[operand : operand + layout.OPERAND]
            place = int(self.bases[space]) + start - begin * step
            self.pointers[k] = place + firsts[rows] * stride
            operand += layout.OPERAND
        code, geometry = table[at + layout.KERNEL], table[at + layout.GEOMETRY_AT]
        return max(0.0, self._call(code, geometry, begin, end, firsts[0]) - self.overhead)

    def _call(self, kernel: int, geometry: int, begin: int, end: int, first: int) -> float:
        self.pointers[MOST_OPERANDS] = kernel
        pointers = address(self.pointers)
        start = perf_counter()
        self.alone(pointers, geometry, begin, end, first)
        return perf_counter() - start


def _steps(clock: list[int], backwards: bool) -> Iterator[tuple[int, int]]:
    """The rows of each step of a time, in the order of a loop."""
    counts = ctypes.c_int64 * clock[layout.CLOCK_STEPS]
    ends = np.cumsum([0, *counts.from_address(clock[layout.CLOCK_COUNTS])]).tolist()
    ranges = list(pairwise(ends))
    yield from reversed(ranges) if backwards else ranges
