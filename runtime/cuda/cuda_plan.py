"""What one batch size needs on the device: its arena, its kernels, and the way in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc_compiler.program.entry import Entry, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.binding.constant_pieces import pieces
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.arena import Arena, KernelLaunch, Recurrence, calls
from gradc_runtime.cuda.batches import CudaBatches
from gradc_runtime.cuda.kernels import CLEAR, compiled


@dataclass(frozen=True, slots=True)
class BufferRange:
    """An array over all batches of a call, on the device, and where the arena has that of one."""

    first: int  # word of the arena
    words: Any
    parts: list[tuple[int, int]]  # of `words`, for each batch


class CudaPlan:
    """What one batch size needs on the device."""

    def __init__(self, entry: Entry, arena: Arena, dtype: np.dtype[Any]) -> None:
        word = dtype.itemsize
        self.arena = arena
        self.words = shim.empty(arena.words, dtype)
        self.numbers = self.words.view(np.dtype(f"i{word}"))
        self.items, table = calls(entry, arena)
        self.table = shim.upload(table)
        self._kernels = {source: compiled(source, word) for source in _sources(self.items)}
        self._launch(compiled(CLEAR, word), 0, 0, 0, arena.words)  # table[0] is 0: the first word
        start = arena.bases[Space.UNIFORM]
        for constant in entry.constants:
            for at, values in pieces(constant):
                self.write(start + at, values.astype(dtype))

    def _launch(self, kernel: Any, at: int, begin: int, count: int, total: int) -> None:
        kernel(self.words, self.numbers, self.table, at, begin, count, total)

    def step(self, batches: CudaBatches, batch: int) -> None:
        """Launch everything once, for one batch of a call."""
        for item in self.items:
            match item:
                case KernelLaunch():
                    self.launch(item, 0, batches.count(item.time, batch))
                case Recurrence(time, backwards, inner):
                    for begin, count in batches.ranges(time, batch, backwards):
                        for call in inner:
                            self.launch(call, begin, count)

    def launch(self, call: KernelLaunch, begin: int, count: int) -> None:
        """Launch one kernel for some rows."""
        total = call.pieces * count if call.each else call.pieces
        if total:
            self._launch(self._kernels[call.source], call.at, begin, count, total)

    def write(self, first: int, values: Any) -> None:
        """Copy words into the arena from the host or from the device."""
        if values.size:
            self.words_at(first, values.size).copy_to_device(values)

    def load(self, source: BufferRange, batch: int) -> None:
        """Copy a batch's part of an array into the arena."""
        start, end = source.parts[batch]
        if end > start:
            self.write(source.first, source.words[start:end])

    def keep(self, sink: BufferRange, batch: int) -> None:
        """Copy a batch's part of an array out of the arena."""
        start, end = sink.parts[batch]
        if end > start:
            sink.words[start:end].copy_to_device(self.words_at(sink.first, end - start))

    def words_at(self, first: int, count: int) -> Any:
        """A stretch of the arena."""
        return self.words[first : first + count]


def _sources(items: Sequence[KernelLaunch | Recurrence]) -> set[str]:
    """The text of every kernel."""
    inner = (item.calls if isinstance(item, Recurrence) else (item,) for item in items)
    return {call.source for calls in inner for call in calls}
