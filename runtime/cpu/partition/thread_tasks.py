"""A task: an instruction on some of its rows, whose it is, and whether threads wait before it.

An entry at one batch size is a list of tasks for each stage, the same for any number of threads:
every thread goes through all of them and does what is its own.  A stage whose batch is cut into
chunks has none, as whoever is free takes the next chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradc_compiler.program.entry import Instruction
from gradc_runtime.cpu.codegen.number_types import share_start


@dataclass(frozen=True, slots=True)
class ThreadTask:
    """An instruction on the rows [begin, end).

    With a `grain`, every thread has a share of the rows, cut at multiples of it.  Otherwise this is
    one of several `parts`, and thread part * threads // parts has it: thread 0 what is whole.
    """

    instruction: Instruction
    begin: int
    end: int
    part: int = 0
    parts: int = 1
    grain: int = 0
    followers: int = 0  # tasks behind it, which are cut where it is
    wait: bool = False  # for all threads, before it

    @property
    def shared(self) -> bool:
        """Whether threads other than the first may have some of it."""
        return self.grain > 0 or self.parts > 1

    def rows_of(self, thread: int, threads: int) -> range:
        """The rows that are a thread's own."""
        if self.grain:
            first, stop = (
                share_start(self.end, self.grain, t, threads) for t in (thread, thread + 1)
            )
            return range(first, stop)
        own = self.part * threads // self.parts == thread
        return range(self.begin, self.end if own else self.begin)


Group = list[ThreadTask]  # cut from one instruction, or from one and those that follow it
