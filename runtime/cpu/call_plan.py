"""A call plan: what calls of an entry with one batch size have in common, so that it is made once.

The plan owns the entry's bytecode for that size, the values that one stage carries to the next, and
the two small arrays that native code reads beside the bytecode: `control` (how many threads and
steps, and the words by which threads synchronise) and the *bases*, a row of addresses for each
thread, one for every space and array.  Native code moves those addresses on from step to step.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.machine.cost_model import takes_long
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.binding.io_binding import Arrays, address
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.objects.link import NATIVE
from gradc_runtime.cpu.packed_time import PackedTime
from gradc_runtime.cpu.partition.intra_op import nanoseconds
from gradc_runtime.cpu.threads.adaptive import ParallelChoice
from gradc_runtime.system.aligned_memory import aligned


class CallPlan:
    """The plan for batches of `examples`; `words` is the row of addresses of thread 0."""

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
        self.threads = threads  # at most
        self.walker, self.walk = walker, NATIVE(walker)  # the dispatch loop that reads the table
        self.carried = carried  # without those of sequences: every call has its own
        self.stale = False  # whether the spaces have moved in memory since
        long = _takes_long(entry, examples)
        self.one, self.many = ParallelChoice(long), ParallelChoice(long)  # calls of one step, more
        self.table, self.table_at = table, address(table)
        self.blocks = tuple(int(table[cut + bytecode.BLOCK]) for cut in self._cuts())
        self._make_bases(Space.ARRAY + len(entry.arrays) + len(entry.results) + 1, threads)

    def _make_bases(self, spaces: int, threads: int) -> None:
        """A row of addresses for each thread, and the `control` that says where they are."""
        width = -(-spaces // 8) * 8  # whole cache lines
        self.bases = aligned(threads * width, np.dtype(np.int64)).reshape(threads, width)
        self.words = self.bases.reshape(-1).data
        teams = max(int(self.table[cut + bytecode.TEAMS]) for cut in self._cuts())
        control = aligned(bytecode.ALL + bytecode.TEAM * (1 + teams), np.dtype(np.int64))
        crowded = threads > len(os.sched_getaffinity(0))
        control[bytecode.LOOKS] = 0 if crowded else MACHINE.barrier_looks
        control[bytecode.BASES], control[bytecode.BASES_STEP] = address(self.bases), 8 * width
        self._control, self.control_at = control.data, address(control)

    def _cuts(self) -> list[int]:
        """Where the table says how the batch is cut: its header, and one of its own for stages that
        are wide.
        """
        first = bytecode.HEADER + bytecode.CUT
        last = bytecode.HEADER + bytecode.PHASE * int(self.table[bytecode.PHASES])
        return sorted({0, *map(int, self.table[first : last : bytecode.PHASE])})

    @property
    def block(self) -> int:
        """Examples in a block of the stages that are not wide."""
        return self.blocks[0]

    def place(self, spaces: Mapping[Space, int]) -> None:
        """Set the addresses of the spaces that all calls share."""
        for space, place in spaces.items():
            self.bases[:, space] = place

    def begin(self, steps: int, threads: int) -> None:
        """Write into `control` what a native call of `steps` steps is to do."""
        control = self._control
        control[bytecode.THREADS], control[bytecode.STEPS] = threads, steps
        if threads > 1:
            control[bytecode.ALL + bytecode.CHUNK_COUNTER] = 0


def _takes_long(entry: Entry, examples: int) -> bool:
    """Whether a step surely takes milliseconds, by the work of its instructions or its activations.

    The elements of sequences are not counted: how many there are is not known yet.
    """
    items = [item for phase in entry.phases for item in phase.instructions]
    estimate = sum(nanoseconds(item.work, examples) for item in items)
    return takes_long(estimate, examples * entry.block_words)


@dataclass(frozen=True, slots=True)
class BoundCall:
    """A plan whose addresses point at the arrays of one call; holding it keeps them alive."""

    plan: CallPlan
    clock: PackedTime
    arrays: list[NDArray[Any]]
    kept: list[NDArray[Any]]
