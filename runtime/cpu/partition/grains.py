"""Where threads cut the instructions of a ONCE phase: at multiples of a grain."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, Phase, consumers
from gradc_runtime.cpu.partition.thread_tasks import Group, ThreadTask

SHARE = MACHINE.wide  # elements of a generated kernel: whole vectors, for the same bits
LIBRARY_SHARE = MACHINE.tall_tile


def grain_of(entry: Entry, instruction: Instruction) -> int:
    """A thread's share is a multiple of this; 0 if the instruction is not shared out."""
    if not instruction.split:
        return 0
    if entry.kernels[instruction.kernel].source is None:
        return LIBRARY_SHARE if instruction.extent >= 4 * LIBRARY_SHARE else 1
    return SHARE if instruction.extent >= 2 * SHARE else 0


def in_shares(entry: Entry, phase: Phase) -> Iterator[Group]:
    """The instructions of a ONCE phase, each with those that follow it."""
    for k, item in enumerate(phase.instructions):
        if not item.follows:
            yield list(_group(entry, item, consumers(phase.instructions, k)))


def _group(entry: Entry, leader: Instruction, behind: list[Instruction]) -> Iterator[ThreadTask]:
    """Those that follow are cut where the leader is, at so many words for each of its rows."""
    grain = grain_of(entry, leader)
    if behind:
        grain = max(8, SHARE // gcd(SHARE, behind[0].extent // leader.extent))
    yield ThreadTask(leader, 0, leader.extent, grain=grain, followers=len(behind))
    for item in behind:
        yield ThreadTask(item, 0, item.extent, grain=grain * (item.extent // leader.extent))
