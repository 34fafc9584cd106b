"""An entry that several ranks run together on one batch, each on a GPU: the same bits as on one.

    executable = SharedCudaExecutable(entry, memory, dtype, threads, ranks)

All ranks are given the whole batch.  Between the segments of a step (`rank_segments.py`) rows go by
way of the host from each rank to all.  Sums over the batch, and what is done once, such as the
optimizer, every rank does; so it does all of an entry with sequences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.entry import Entry
from gradc_runtime.cuda.devices.device import Device
from gradc_runtime.cuda.execution.cuda_executable import CudaExecutable
from gradc_runtime.cuda.execution.cuda_plan import CudaPlan
from gradc_runtime.cuda.launch.arena import Arena
from gradc_runtime.cuda.launch.kernel_call import CudaCall, Interval
from gradc_runtime.cuda.launch.merge_calls import merged
from gradc_runtime.cuda.launch.rank_segments import RankSegment, segments_of
from gradc_runtime.cuda.launch.step_calls import DeviceRegion
from gradc_runtime.ranks.group import Ranks


class SharedCudaPlan(CudaPlan):
    """What one batch size needs on this rank's GPU: a graph for each segment."""

    def __init__(
        self, device: Device, arena: Arena, dtype: np.dtype[Any], persistent: int,
        data: Mapping[str, DeviceRegion], ranks: Ranks,
    ) -> None:  # fmt: skip
        self.ranks, self.segments = ranks, list[tuple[Any, tuple[Interval, ...]]]()
        super().__init__(device, arena, dtype, persistent, data)

    def build(self, calls: list[CudaCall]) -> None:
        """Make the graphs."""
        n, whole = self.arena.examples, [RankSegment(tuple(calls), ())]
        alone = bool(self.entry.times) or n < self.ranks.size
        for segment in whole if alone else segments_of(calls, self.ranks.share(n)):
            built = self.device.build(merged(segment.calls), self.dtype.itemsize)
            self.segments.append((built, segment.exchanged))

    def launch(self) -> None:
        """Make a step together with the other ranks."""
        self.ranks.agree()
        for built, exchanged in self.segments:
            self.device.launch(built)
            for interval in exchanged:
                self.exchange(interval)

    def exchange(self, interval: Interval) -> None:
        """Give all ranks this one's rows of a value, and take theirs."""
        n, (first, end) = self.arena.examples, interval
        assert (end - first) % n == 0, "a value has as many words for each example"
        rows: NDArray[Any] = np.empty((n, (end - first) // n), self.dtype)
        ends = [self.ranks.share(n, rank) for rank in range(self.ranks.size)]
        begin, after = ends[self.ranks.rank]
        place = first + begin * rows.shape[1]
        self.device.download(self.address(place), rows[begin:after].reshape(-1))
        self.ranks.gather(rows, ends)
        self.device.upload(self.address(first), rows.reshape(-1))


class SharedCudaExecutable(CudaExecutable):
    """Runs one entry on a batch together with the other ranks."""

    def __init__(
        self, entry: Entry, persistent: Any, dtype: Any, threads: int, ranks: Ranks
    ) -> None:
        super().__init__(entry, persistent, dtype, threads)
        self.ranks = ranks

    def made(self, arena: Arena, data: Mapping[str, DeviceRegion]) -> CudaPlan:
        """A plan of this rank."""
        first = self.state.first
        return SharedCudaPlan(self.device, arena, self.dtype, first, data, self.ranks)
