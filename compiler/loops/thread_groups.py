"""How a GPU's threads go through the loops of a nest: which loops they divide, and how.

`compiler/loops/map_to_threads.py` decides, and the printer for CUDA writes it down.
"""

from __future__ import annotations

from enum import Enum

from gradc_compiler.records.fast_dataclass import dataclass


class LoopKind(Enum):
    """How threads go through a loop."""

    SERIAL = "serial"  # one iteration after another
    THREAD = "thread"  # its iterations are divided over threads
    SEARCHED = "searched"  # in a group: the thread of a word tries each iteration
    SOLVED = "solved"  # the last of a group: its iteration follows from the word and the others

    __hash__ = object.__hash__  # by identity, which is faster than by name


@dataclass(frozen=True, slots=True)
class ThreadGroup:
    """Loops that write the same words, the longest last: `pieces` words, each `unit` apart.

    A loop whose words no other loop writes is a group by itself, and its pieces are its iterations.
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
