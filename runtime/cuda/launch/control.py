"""What changes from batch to batch, in a few words that the host writes for many batches at once.

A step's graph never changes.  Its first node copies the words of the batch whose turn it is to
where all others read them: of each time the rows that there are, of each step of a recurrence its
rows and whether there is such a step, and where the batch's rows begin in what was brought from the
host or goes back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.entry import Entry
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.launch.batches import CudaBatches
from gradc_runtime.cuda.launch.time_room import TimeRoom

SLOT = 3  # words: the first row, how many rows, and whether the step is made


@dataclass(frozen=True)
class Control:
    """The layout of a batch's words."""

    times: int
    loops: tuple[tuple[int, bool], ...]  # times that recurrences go through, and whether backwards
    room: TimeRoom

    @staticmethod
    def of(entry: Entry, room: TimeRoom) -> Control:
        """The layout for an entry."""
        loops = [(loop.time, loop.backwards) for phase in entry.phases for loop in phase.loops]
        return Control(len(entry.times), tuple(dict.fromkeys(loops)), room)

    @property
    def words(self) -> int:
        """How many words a batch has."""
        steps = sum(self.room.steps[time] for time, _ in self.loops)
        return 2 + self.times * (1 + SLOT) + SLOT * steps

    def first(self, time: int | None) -> int:
        """The word that says where rows of a time begin in an array of all batches."""
        return 1 if time is None else 2 + time

    def rows(self, time: int) -> int:
        """The slot of all rows of a time."""
        return 2 + self.times + SLOT * time

    def step(self, time: int, backwards: bool, number: int) -> int:
        """The slot of a step of a recurrence, counted in the order in which they are made."""
        at = self.loops.index((time, backwards))
        before = sum(self.room.steps[other] for other, _ in self.loops[:at])
        return 2 + self.times * (1 + SLOT) + SLOT * (before + number)

    def table(self, batches: CudaBatches, batch: int, steps: int, start: int) -> NDArray[Any]:
        """The words of `steps` batches from one on, which will have the numbers from `start` on."""
        found = np.zeros((steps, self.words), np.int64)
        numbers = start + np.arange(steps)
        found[:, 0], found[:, self.first(None)] = numbers, numbers * batches.examples
        for time in range(self.times):
            counts = batches.rows[time].counts[batch : batch + steps]
            found[:, self.first(time)] = start * self.room.rows[time] + np.cumsum(counts) - counts
            found[:, self.rows(time) + 1], found[:, self.rows(time) + 2] = counts, 1
        for time, backwards in self.loops:
            for k in range(steps):
                self._write_steps(found[k], batches.ranges(time, batch + k, backwards),
                                  self.step(time, backwards, 0))  # fmt: skip
        return found

    def _write_steps(self, row: NDArray[Any], ranges: list[tuple[int, int]], at: int) -> None:
        for number, (begin, count) in enumerate(ranges):
            row[at + SLOT * number : at + SLOT * (number + 1)] = begin, count, 1
