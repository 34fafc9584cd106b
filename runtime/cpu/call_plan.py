"""What one batch size of an entry needs: its table, its carried values, what the walker is told.

Both arrays that the walker reads beside the table lie here: `control`, and the *bases*, which have
a row of addresses for each thread.  The walker moves the addresses on from step to step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.entry import Entry, Space
from gradc_runtime.binding.io_binding import Arrays, address
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.objects.link import NATIVE
from gradc_runtime.cpu.packed_time import PackedTime
from gradc_runtime.cpu.partition.intra_op import nanoseconds
from gradc_runtime.cpu.threads.adaptive import ParallelChoice
from gradc_runtime.system.aligned_memory import aligned

LONG = 2e6  # nanoseconds of a step, from which the first is shared out at once
LONG_WORDS = 1 << 20  # words of activations: to compute so many takes milliseconds


class CallPlan:
    """One batch size; `words` is the row of addresses of thread 0."""

    def __init__(
        self,
        examples: int,
        table: NDArray[np.int64],
        carried: Arrays,
        threads: int,
        entry: Entry,
        walker: int,
    ) -> None:
        self.examples = examples
        self.block = int(table[bytecode.BLOCK])
        self.threads = threads  # at most
        self.walker, self.walk = walker, NATIVE(walker)  # the native code that reads the table
        self.carried = carried  # but for those of sequences, which every call has for itself
        self.stale = False  # whether the spaces have been moved since
        long = _takes_long(entry, examples)
        self.one, self.many = (
            ParallelChoice(long),
            ParallelChoice(long),
        )  # of calls of one step, and of several
        self.table, self.table_at = table, address(table)
        spaces = Space.ARRAY + len(entry.arrays) + len(entry.results) + 1
        width = -(-spaces // 8) * 8  # whole cache lines
        self.bases = aligned(threads * width, np.dtype(np.int64)).reshape(threads, width)
        self.words = self.bases.reshape(-1).data
        control = aligned(bytecode.CONTROL, np.dtype(np.int64))
        control[bytecode.BASES], control[bytecode.BASES_STEP] = address(self.bases), 8 * width
        self._control, self.control_at = control.data, address(control)

    def place(self, spaces: Mapping[Space, int], block: int) -> None:
        """Say where the spaces are that all calls share; a thread's BLOCK has so many bytes."""
        for space, place in spaces.items():
            self.bases[:, space] = place
        self.bases[:, Space.BLOCK] += block * np.arange(len(self.bases))

    def begin(self, steps: int, threads: int) -> None:
        """Get ready for a native call."""
        control = self._control
        control[bytecode.THREADS], control[bytecode.STEPS] = threads, steps
        if threads > 1:
            control[bytecode.CHUNK_COUNTER] = 0


def _takes_long(entry: Entry, examples: int) -> bool:
    """Whether a step surely takes milliseconds, by the work of its instructions or its activations.

    The elements of sequences are not counted: how many there are is not known yet.
    """
    items = [item for phase in entry.phases for item in phase.instructions]
    estimate = sum(nanoseconds(item.work, examples) for item in items)
    return estimate >= LONG or examples * entry.block_words >= LONG_WORDS


@dataclass(frozen=True, slots=True)
class BoundCall:
    """A plan whose table points at these arrays, which must live while it is used."""

    plan: CallPlan
    clock: PackedTime
    arrays: list[NDArray[Any]]
    kept: list[NDArray[Any]]
