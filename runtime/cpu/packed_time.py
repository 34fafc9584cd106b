"""What native code reads about the sequences of one call: the rows of each block and time step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import Time
from gradc_compiler.program.arrays import ClockName
from gradc_runtime.binding.io_binding import address
from gradc_runtime.binding.packed_sequences import Timetable


class PackedTime(Timetable):
    """The packed order of every time in one call, and the records that native code reads."""

    def __init__(
        self, times: Sequence[Time], lengths: Sequence[NDArray[np.int64]], steps: int, block: int
    ) -> None:
        super().__init__(times, lengths, steps, block)
        self.counts = [rows.steps[0] for rows in self.rows]  # kept alive: the walker reads them
        records = []
        for rows, counts in zip(self.rows, self.counts, strict=True):
            at = rows.steps[1]
            records.append((rows.firsts, rows.counts, np.diff(at), address(counts) + 8 * at[:-1]))
        self.words = np.ascontiguousarray(
            np.array(records, np.int64).transpose(2, 0, 1) if records else np.zeros(1, np.int64)
        )
        self._numbers: dict[ClockName, NDArray[Any]] = {}

    def numbers(self, name: ClockName, dtype: np.dtype[Any]) -> NDArray[Any]:
        """An index array in the entry's type of whole number; made when first asked for."""
        if name not in self._numbers:
            self._numbers[name] = self.array(name).astype(dtype)
        return self._numbers[name]
