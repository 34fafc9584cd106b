"""How threads share out the instructions of a ONCE phase: where they are cut, and who waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, Phase, consumers

SHARE = MACHINE.wide  # elements of a generated kernel: whole vectors, for the same bits
LIBRARY_SHARE = MACHINE.tall_tile


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a thread's share of an instruction is a multiple of, how many follow it, and whether
    threads wait for one another before it.
    """

    grain: int
    followers: int
    wait: bool


def grain_of(entry: Entry, instruction: Instruction) -> int:
    """A thread's share is a multiple of this; 0 if the instruction is not shared out."""
    if not instruction.split:
        return 0
    if entry.kernels[instruction.kernel].source is None:
        return LIBRARY_SHARE if instruction.extent >= 4 * LIBRARY_SHARE else 1
    return SHARE if instruction.extent >= 2 * SHARE else 0


def shares_of(entry: Entry, phase: Phase) -> Iterator[Chunk]:
    """How each instruction of a ONCE phase is shared out.

    Threads wait before one only if another thread may still be at work: instructions that are not
    shared out all run on thread 0, in order.  A barrier that they pass over there is kept in mind:
    those behind it count on what was done before it.
    """
    pending = {False: False, True: False}  # unfinished: thread 0's own, and shared ones
    passed = False  # a barrier
    for instruction, (grain, behind) in zip(phase.instructions, grains(entry, phase), strict=True):
        split = grain > 0
        passed = passed or instruction.barrier
        wait = passed and (pending[True] or (split and pending[False]))
        if wait:
            pending, passed = {False: False, True: False}, False
        pending[split] = True
        yield Chunk(grain, behind, wait)


def grains(entry: Entry, phase: Phase) -> Iterator[tuple[int, int]]:
    """Each instruction's grain, and how many follow it.

    Those are cut where it is, at so many words for each of its rows.
    """
    extent = 1
    for k, item in enumerate(phase.instructions):
        if item.follows:
            yield item.extent // extent, 0
            continue
        behind = consumers(phase.instructions, k)
        grain, extent = grain_of(entry, item), item.extent
        if behind:
            grain = max(8, SHARE // gcd(SHARE, behind[0].extent // extent))
        yield grain, len(behind)
