"""Packed sequences: the order in which elements lie in memory while an entry runs.

A caller's sequences follow one another, each in the order of time (`Ragged`).  A kernel computes
one time step of all examples of a tile at once, so it wants the elements of that step side by side.
Within a tile the steps follow one another, and within a step the longest sequence comes first: then
the elements of a step are a range of rows, those of a tile are too, and nothing is padded
(see `compiler/program/entry.py`; PyTorch calls this a PackedSequence).

A `PackedBatch` brings elements from one order into the other, and has the index arrays by which
kernels find their way (arrays of the role `clock`).  A `Timetable` has one for every time of an
entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.ragged import Ragged, repeated
from gradc_compiler.graph.types import Time
from gradc_compiler.program.arrays import Array, ClockName

Whole = NDArray[np.int64]


class PackedBatch:
    """One time: `lengths` [steps * N] of the sequences of `steps` batches, in tiles (blocks)."""

    def __init__(self, lengths: Whole, steps: int, block: int) -> None:
        self.lengths = lengths
        blocks = -(-(len(lengths) // steps) // block)  # of one batch
        batch = max(len(lengths) // steps, 1)
        example = np.arange(len(lengths))
        of_example = example // batch * blocks + example % batch // block
        self.starts: Whole = np.cumsum(lengths) - lengths
        owner = repeated(example, lengths)
        self._step: Whole = np.arange(len(owner)) - self.starts[owner]
        self._left: Whole = lengths[owner] - 1 - self._step
        self._of_row: Whole = of_example[owner]
        self._owner: Whole = example[owner] % batch % block
        self.counts: Whole = np.bincount(self._of_row, minlength=steps * blocks)
        self.firsts: Whole = np.cumsum(self.counts) - self.counts
        self.steps = self._steps(of_example)
        place = self._place(of_example)
        self._row: Whole = place - self.firsts[self._of_row]  # of each element, within its block
        self.order: Whole = np.empty_like(place)
        self.order[place] = np.arange(len(place))

    def _steps(self, of_example: Whole) -> tuple[Whole, Whole]:
        """The number of rows of each time step, of all blocks one after another; and where each
        block's begin in that array (with one more at the end).
        """
        longest = np.zeros_like(self.counts)
        np.maximum.at(longest, of_example, self.lengths)
        at = np.concatenate([[0], np.cumsum(longest)])
        return np.bincount(at[self._of_row] + self._step, minlength=int(at[-1])), at

    def _place(self, of_example: Whole) -> Whole:
        """The row of each element: after the earlier steps of its block and, within its step,
        after the longer sequences of the block (of equally long ones, after those before it).
        """
        sizes, at = self.steps
        begins = np.cumsum(sizes) - sizes
        longest_first = np.lexsort((-self.lengths, of_example))
        members = np.bincount(of_example, minlength=len(self.counts))
        before = np.cumsum(members) - members
        rank = np.empty_like(longest_first)
        rank[longest_first] = np.arange(len(rank)) - before[of_example[longest_first]]
        owned = repeated(rank, self.lengths)
        found: Whole = begins[at[self._of_row] + self._step] + owned
        return found

    @property
    def total(self) -> int:
        """The number of elements of all sequences."""
        return len(self.order)

    def pack(self, values: NDArray[Any]) -> NDArray[Any]:
        """Elements [total, ...] from the caller's order to the packed one."""
        return values.take(self.order, axis=0)

    def unpack(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Elements [total, ...] from the packed order to the caller's."""
        values = np.empty_like(rows)
        values[self.order] = rows
        return values

    def clock(self, kind: str) -> Whole:
        """An index array that kernels read: `owner`, `position`, `remaining`, `mirror`, `before` or
        `after` of every row [total]; or `length`, `first` or `last` of every example [N].
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


class Timetable:
    """The packed order of every time of an entry, for one call of `steps` batches."""

    def __init__(
        self, times: Sequence[Time], lengths: Sequence[Whole], steps: int, block: int
    ) -> None:
        self.times = times
        self.rows = [PackedBatch(of_time, steps, block) for of_time in lengths]

    def of(self, array: Array) -> PackedBatch | None:
        """The packed order of an array's elements; None for an array without a time."""
        time = array.type.time
        return None if time is None else self.rows[self.times.index(time)]

    def room(self) -> list[int]:
        """For each time, the most rows that any block has."""
        return [int(rows.counts.max(initial=1)) for rows in self.rows]

    def array(self, name: ClockName) -> Whole:
        """The index array that a clock has for this call."""
        return self.rows[self.times.index(name.time)].clock(name.kind)

    def packed(self, array: Array, values: NDArray[Any]) -> NDArray[Any]:
        """An input [elements, ...] in the packed order; one without a time is unchanged."""
        rows = self.of(array)
        return values if rows is None else rows.pack(values)

    def unpacked(self, array: Array, words: NDArray[Any]) -> Any:
        """An output as callers know it: a `Ragged`, or the words of one without a time."""
        rows = self.of(array)
        return words if rows is None else Ragged(rows.unpack(words), rows.lengths)
