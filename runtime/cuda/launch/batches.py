"""Which rows every batch of a call has, and every step of it: a whole batch is one block."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gradc_compiler.graph.types import Time
from gradc_runtime.binding.packed_sequences import Timetable, Whole
from gradc_runtime.cuda.launch.time_room import TimeRoom


class CudaBatches(Timetable):
    """The rows of every time in one call of `steps` batches of N examples."""

    def __init__(
        self, times: Sequence[Time], lengths: Sequence[Whole], steps: int, examples: int
    ) -> None:
        super().__init__(times, lengths, steps, examples)
        self.steps, self.examples = steps, examples

    def most(self) -> TimeRoom:
        """Room for the rows of any batch, and for the steps of its longest sequence."""
        longest = [int(np.diff(rows.steps[1]).max(initial=1)) for rows in self.rows]
        return TimeRoom(tuple(self.room()), tuple(longest))

    def count(self, time: int | None, batch: int) -> int:
        """How many rows of a time a batch has; None: examples."""
        return self.examples if time is None else int(self.rows[time].counts[batch])

    def total(self, time: Time | None) -> int:
        """How many rows of a time all batches have; None: examples."""
        return (
            self.steps * self.examples if time is None else self.rows[self.times.index(time)].total
        )

    def parts(self, time: Time | None, size: int) -> list[tuple[int, int]]:
        """The words of each batch in an array over all of them, `size` for each row."""
        number = None if time is None else self.times.index(time)
        ends = np.cumsum([0, *(self.count(number, k) * size for k in range(self.steps))]).tolist()
        return list(pairwise(ends))

    def ranges(self, time: int, batch: int, backwards: bool) -> list[tuple[int, int]]:
        """For each step of a recurrence the first of its rows, and how many there are."""
        sizes, at = self.rows[time].steps
        counts = sizes[at[batch] : at[batch + 1]]
        ranges = list(zip((np.cumsum(counts) - counts).tolist(), counts.tolist(), strict=True))
        return ranges[::-1] if backwards else ranges
