"""The examples of some blocks together in memory, and the order in which they are seen.

They lie as the blocks brought them and are gathered batch by batch, as from a set in memory.  What
has been seen is overwritten: fresh memory from the system costs more time than reading.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import field

import numpy as np

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import end_to_end, of_rows

Memory = dict[str, np.ndarray]


@dataclass(frozen=True)
class MixedBlocks:
    """The examples of some blocks, and their order; None for the order in which they are stored."""

    batches: Batches
    order: np.ndarray | None = None
    room: Memory = field(default_factory=dict)  # the arrays that hold fields of equal sizes

    def __len__(self) -> int:
        return len(next(iter(self.batches.values())))

    def between(self, start: int, stop: int) -> Batches:
        """The examples at these places: copies where an order is given, else views."""
        return of_rows(
            self.batches, slice(start, stop) if self.order is None else self.order[start:stop]
        )


@dataclass(frozen=True)
class Room:
    """Arrays with room for `examples` examples, kept to be used again."""

    examples: int
    free: deque[Memory] = field(default_factory=deque)

    def mixed(self, parts: Iterable[Batches], order: np.ndarray) -> MixedBlocks:
        """The examples of all parts, one after another; a part is forgotten once it is copied."""
        room, end = self.free.popleft() if self.free else {}, 0
        sequences: list[Batches] = []
        for part in parts:
            count = len(next(iter(part.values())))
            for name, batch in part.items():
                if not isinstance(batch, Ragged):
                    if name not in room:
                        room[name] = np.empty((self.examples, *batch.shape[1:]), batch.dtype)
                    room[name][end : end + count] = batch
            sequences.append(Batches({n: b for n, b in part.items() if isinstance(b, Ragged)}))
            end += count
        found = Batches({**of_rows(room, slice(end)), **end_to_end(sequences)})
        return MixedBlocks(found, order, room)

    def take_back(self, mixed: MixedBlocks) -> None:
        """Keep the arrays of examples that are no longer wanted, to be used again."""
        if mixed.room:
            self.free.append(mixed.room)
