"""Where threads cut the instructions of a serial stage: at multiples of a grain."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

from gradc_compiler.machine.cost_model import is_worth_splitting, nanoseconds
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, Phase, consumers
from gradc_runtime.cpu.partition.split_dims import SplitDim, inner_dims
from gradc_runtime.cpu.partition.thread_tasks import Group, ThreadTask

GENERATED_GRAIN = MACHINE.wide  # elements of a generated kernel: whole vectors, for the same bits
LIBRARY_GRAIN, LOW, FEW_ROWS = MACHINE.tall_tile, MACHINE.low_tile, MACHINE.small_batch


def grain_of(entry: Entry, instruction: Instruction, threads: int) -> int:
    """A thread's share is a multiple of this; 0 if the instruction is not shared out.

    Rows of a library kernel are taken as whole tiles, if there are enough for all threads.
    """
    if not instruction.split:
        return 0
    if entry.kernels[instruction.kernel].source is None:
        grains = (LIBRARY_GRAIN, LOW, 1)
        return next(g for g in grains if g == 1 or instruction.extent >= 2 * threads * g)
    return GENERATED_GRAIN if instruction.extent >= 2 * GENERATED_GRAIN else 0


def once(entry: Entry, phase: Phase, threads: int) -> Iterator[Group]:
    """The instructions of a serial stage, each grouped with its followers."""
    for k, item in enumerate(phase.instructions):
        if not item.follows:
            yield list(_group(entry, item, consumers(phase.instructions, k), threads))


def _group(
    entry: Entry, leader: Instruction, behind: list[Instruction], threads: int
) -> Iterator[ThreadTask]:
    """An instruction and its followers as tasks.  Followers are cut at the same rows as the
    instruction; each row counts as so many of their words.
    """
    grain = grain_of(entry, leader, threads)
    if not behind and (cut := _inner_cut(leader, grain, threads)) is not None:
        yield ThreadTask(leader, leader.extent, cut.grain(threads), cut)
        return
    if behind:
        vectors = GENERATED_GRAIN // gcd(GENERATED_GRAIN, behind[0].extent // leader.extent)
        wide = max(FEW_ROWS, vectors)
        grain = wide if leader.extent >= 2 * threads * wide else vectors
    yield ThreadTask(leader, leader.extent, grain, followers=len(behind))
    for item in behind:
        yield ThreadTask(item, item.extent, grain * (item.extent // leader.extent))


def _inner_cut(item: Instruction, grain: int, threads: int) -> SplitDim | None:
    """The loop to cut instead of the outermost one, if that is too short for many threads and
    another gives them more equal shares.
    """
    if threads == 1 or not is_worth_splitting(nanoseconds(item.work.operations, item.work.words)):
        return None
    units = -(-item.extent // grain) if grain else 1
    best = -(-units // threads) / units  # the part of the work that the busiest thread does
    found = {cut.busiest(threads, item.extent): cut for cut in inner_dims(item)}
    return found[min(found)] if found and min(found) < best else None
