"""How threads share out the instructions of a phase: where they are cut, and who waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from math import gcd

from compiler.entry import Entry, Instruction, Phase

SHARE = 64  # elements of a generated kernel: whole vectors, so that shares do not change a result
LIBRARY_SHARE = 16


def grain_of(entry: Entry, instruction: Instruction) -> int:
    """A thread's share is a multiple of this; 0 if the instruction is not shared out."""
    if not instruction.split:
        return 0
    if entry.kernels[instruction.kernel].source is None:
        return LIBRARY_SHARE if instruction.extent >= 4 * LIBRARY_SHARE else 1
    return SHARE if instruction.extent >= 2 * SHARE else 0


def cuts(entry: Entry, instructions: Sequence[Instruction]) -> Iterator[tuple[int, int]]:
    """Each instruction's grain, and how many follow it.

    Those are cut where it is, at so many words for each of its rows.
    """
    extent = 1
    for k, item in enumerate(instructions):
        if item.follows:
            yield item.extent // extent, 0
            continue
        after = list(takewhile(lambda i: i.follows, instructions[k + 1 :]))
        grain, extent = grain_of(entry, item), item.extent
        if after:
            grain = max(8, SHARE // gcd(SHARE, after[0].extent // extent))
        yield grain, len(after)


def waits(phase: Phase, shared: Sequence[bool]) -> Iterator[bool]:
    """Whether threads must wait before each instruction: only if another may still be at work.

    Instructions that are not shared out all run on thread 0, in order.
    """
    pending = {False: False, True: False}  # unfinished: thread 0's own, and shared ones
    for instruction, split in zip(phase.instructions, shared, strict=True):
        wait = instruction.barrier and (pending[True] or (split and pending[False]))
        if wait:
            pending = {False: False, True: False}
        pending[split] = True
        yield wait
