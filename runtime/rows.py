"""How the elements of sequences lie in memory while an entry runs: packed, block by block.

Users' sequences follow one another, each in the order of time (`Ragged`).  Within a block of
examples the kernels want the elements of one step side by side, longest sequence first, so that a
step is a range and the whole block is one too (see `compiler/program.py`).  A `Rows` is the way
from one to the other for every batch of a call, and what kernels ask of it: the *clock* arrays.
`Timetable` has those of every time of an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.graph.ragged import Ragged
from compiler.graph.types import Time
from compiler.program import Array

Whole = NDArray[np.int64]


class Rows:
    """One time: `lengths` [steps * N] of the sequences of `steps` batches, cut into blocks."""

    def __init__(self, lengths: Whole, steps: int, block: int) -> None:
        self.lengths = lengths
        batch = len(lengths) // steps
        self.blocks = -(-batch // block)  # of one batch
        example = np.arange(len(lengths))
        of_example = example // max(batch, 1) * self.blocks + example % max(batch, 1) // block
        sorted_examples = np.lexsort((example, -lengths, of_example))
        rank = np.empty_like(sorted_examples)
        rank[sorted_examples] = example
        self.starts: Whole = np.cumsum(lengths) - lengths
        owner = np.repeat(example, lengths)
        self._step: Whole = np.arange(len(owner)) - self.starts[owner]
        self._left: Whole = lengths[owner] - 1 - self._step
        self.order: Whole = np.lexsort((rank[owner], self._step, of_example[owner]))
        self._of_row: Whole = of_example[owner]
        self.counts: Whole = np.bincount(self._of_row, minlength=steps * self.blocks)
        self.firsts: Whole = np.cumsum(self.counts) - self.counts
        packed = np.empty_like(self.order)
        packed[self.order] = np.arange(len(self.order))
        self._row: Whole = packed - self.firsts[self._of_row]  # of each element, within its block
        self._owner: Whole = example[owner] % max(batch, 1) % block

    @property
    def total(self) -> int:
        """How many elements there are."""
        return len(self.order)

    def pack(self, values: NDArray[Any]) -> NDArray[Any]:
        """Elements as the kernels want them."""
        return values[self.order]

    def unpack(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Elements as the user wants them."""
        values = np.empty_like(rows)
        values[self.order] = rows
        return values

    def clock(self, kind: str) -> Whole:
        """One of the arrays that kernels read: `owner`, `position`, ... of every row, or `length`,
        `first`, `last` of every example.
        """
        ends = {"first": self.starts, "last": self.starts + self.lengths - 1}
        if kind == "length":
            return self.lengths
        if kind in ends:
            found = np.zeros_like(self.lengths)
            some = self.lengths > 0
            found[some] = self._row[ends[kind][some]]
            return found
        found = self._of_element(kind)[self.order]
        return found

    def _of_element(self, kind: str) -> Whole:
        element = np.arange(self.total)
        match kind:
            case "owner":
                return self._owner
            case "position":
                return self._step
            case "remaining":
                return self._left
            case "mirror":
                found: Whole = self._row[element - self._step + self._left]
            case "before":
                found = self._row[element - (self._step > 0)]
            case _:
                assert kind == "after", f"no clock has {kind}"
                found = self._row[element + (self._left > 0)]
        return found

    @cached_property
    def steps(self) -> tuple[Whole, Whole]:
        """How many rows each step of each block has, one after another, and the first for each
        block (one more at the end).
        """
        block, step = self._of_row[self.order], self._step[self.order]
        changes = np.flatnonzero((np.diff(block) != 0) | (np.diff(step) != 0)) + 1
        begins = np.concatenate([[0], changes]) if self.total else np.zeros(0, np.int64)
        sizes = np.diff(np.append(begins, self.total))
        longest = np.bincount(block[begins], minlength=len(self.counts))
        return sizes, np.concatenate([[0], np.cumsum(longest)])


class Timetable:
    """The rows of every time of an entry in one call of `steps` batches."""

    def __init__(
        self, times: Sequence[Time], lengths: Sequence[Whole], steps: int, block: int
    ) -> None:
        self.times = times
        self.rows = [Rows(of_time, steps, block) for of_time in lengths]

    def of(self, array: Array) -> Rows | None:
        """The rows of an array of sequences."""
        time = array.type.time
        return None if time is None else self.rows[self.times.index(time)]

    def room(self) -> list[int]:
        """The most rows that a block has of each time."""
        return [int(rows.counts.max(initial=1)) for rows in self.rows]

    def array(self, name: str) -> Whole:
        """A clock array by its name: `owner/xs`."""
        kind, _, time = name.partition("/")
        (number,) = (k for k, t in enumerate(self.times) if str(t) == time)
        return self.rows[number].clock(kind)

    def packed(self, array: Array, values: NDArray[Any]) -> NDArray[Any]:
        """An input as kernels want it."""
        rows = self.of(array)
        return values if rows is None else rows.pack(values)

    def unpacked(self, array: Array, words: NDArray[Any]) -> Any:
        """An output as users know it."""
        rows = self.of(array)
        return words if rows is None else Ragged(rows.unpack(words), rows.lengths)
