"""What the walker reads about the sequences of one call: which rows a block and a step have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.graph.ragged import Ragged
from compiler.program import Array, Entry
from runtime.cpu.exchange import address
from runtime.rows import Rows


class Clockwork:
    """The rows of every time in one call, and what the walker reads of them."""

    def __init__(self, entry: Entry, lengths: list[NDArray[np.int64]], steps: int) -> None:
        self.times = entry.times
        self.rows = [Rows(of_time, steps, entry.block) for of_time in lengths]
        self.counts = [rows.steps[0] for rows in self.rows]  # kept alive: the walker reads them
        records = []
        for rows, counts in zip(self.rows, self.counts, strict=True):
            at = rows.steps[1]
            records.append((rows.firsts, rows.counts, np.diff(at), address(counts) + 8 * at[:-1]))
        self.words = np.ascontiguousarray(
            np.array(records, np.int64).transpose(2, 0, 1) if records else np.zeros(1, np.int64)
        )

    def of(self, array: Array) -> Rows | None:
        """The rows of an array of sequences."""
        time = array.type.time
        return None if time is None else self.rows[self.times.index(time)]

    def room(self) -> list[int]:
        """The most rows that a block has of each time."""
        return [int(rows.counts.max(initial=1)) for rows in self.rows]

    def array(self, name: str) -> NDArray[np.int64]:
        """A clock array by its name: `owner/xs`."""
        kind, _, time = name.partition("/")
        (number,) = (k for k, t in enumerate(self.times) if str(t) == time)
        return self.rows[number].clock(kind)

    def unpacked(self, array: Array, words: NDArray[Any]) -> Any:
        """An output as users know it."""
        rows = self.of(array)
        return words if rows is None else Ragged(rows.unpack(words), rows.lengths)
