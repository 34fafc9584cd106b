"""Where the time of an entry goes: every instruction of its table timed, in the walker's order.

The table is walked from Python on one thread, so each instruction finds the caches as it does in
native code.  What a call from Python costs by itself is measured, and taken off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Any

import numpy as np

from runtime.cpu import layout
from runtime.cpu.exchange import address
from runtime.cpu.executable import NATIVE, Executable

Call = tuple[int, int, int, int]  # instruction's place in the table, begin, end, first example


class Profile:
    """One entry on one batch: `seconds()` walks it once."""

    def __init__(self, executable: Executable, inputs: Mapping[str, Any]) -> None:
        self.bound = executable.bind(inputs)
        self.table = self.bound.plan.table.tolist()
        self.bases = self.bound.plan.bases[0].copy()
        self.pointers = np.zeros(layout.MOST_OPERANDS, np.int64)
        self.native: dict[int, Any] = {}

    def seconds(self) -> dict[int, float]:
        """Seconds in a step of each instruction, by its place in the table."""
        spent: dict[int, float] = {}
        for at, begin, end, first in self._calls():
            spent[at] = spent.get(at, 0.0) + self._time(at, begin, end, first)
        return spent

    def places(self) -> list[int]:
        """Where each instruction is, in the order of the entry's phases."""
        phases = range(self.table[layout.PHASES])
        starts = [layout.HEADER + p * layout.PHASE for p in phases]
        return [
            self.table[s + 1] + i * layout.INSTRUCTION
            for s in starts
            for i in range(self.table[s + 2])
        ]

    def _calls(self) -> Iterator[Call]:
        """Every call of a kernel in a step; sums over chunks happen between them."""
        table = self.table
        for p in range(table[layout.PHASES]):
            phase = layout.HEADER + p * layout.PHASE
            places = [table[phase + 1] + i * layout.INSTRUCTION for i in range(table[phase + 2])]
            if table[phase] == 0:
                yield from ((at, 0, table[at + 4], 0) for at in places)
                continue
            for first in range(0, table[layout.EXAMPLES], table[layout.BLOCK]):
                size = min(table[layout.BLOCK], table[layout.EXAMPLES] - first)
                yield from ((at, 0, size, first) for at in places)

    def _time(self, at: int, begin: int, end: int, first: int) -> float:
        table, operand = self.table, self.table[at + 1]
        for k in range(table[at + 2]):
            base = int(self.bases[table[operand]])
            self.pointers[k] = base + table[operand + 1] + first * table[operand + 2]
            operand += 3
        kernel = self.native.setdefault(table[at], NATIVE(table[at]))
        start = perf_counter()
        kernel(address(self.pointers), table[at + 3], begin, end, first)
        return perf_counter() - start
