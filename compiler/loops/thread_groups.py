"""What becomes of a nest's loops on a GPU: which are divided over its threads, and how.

`compiler/loops/map_to_threads.py` decides; the printer for CUDA writes what it says.
"""

from __future__ import annotations

from enum import Enum

from gradc_compiler.records.fast_dataclass import dataclass


class LoopKind(Enum):
    """How a loop is gone through."""

    SERIAL = "serial"  # one iteration after another
    THREAD = "thread"  # its iterations are divided over threads
    SEARCHED = "searched"  # it writes over others: a thread with a word of theirs tries each of its
    SOLVED = "solved"  # the last of those, whose iteration follows from the word and the others'

    __hash__ = object.__hash__  # of a member as itself, which costs less than that of its name


@dataclass(frozen=True, slots=True)
class ThreadGroup:
    """Loops that write the same words, the longest last: `pieces` words, each `unit` apart.

    A loop that writes over no other is a group by itself, whose pieces are its iterations.
    """

    levels: tuple[int, ...]
    pieces: int
    unit: int

    @property
    def overlaps(self) -> bool:
        """Whether two iterations of the group may write the same word."""
        return len(self.levels) > 1

    @property
    def kinds(self) -> tuple[LoopKind, ...]:
        """Of its loops, in the order of `levels`."""
        if not self.overlaps:
            return (LoopKind.THREAD,)
        return (*[LoopKind.SEARCHED] * (len(self.levels) - 1), LoopKind.SOLVED)
