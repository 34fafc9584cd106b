"""Where threads wait for one another: before a task on words that another may still be at.

Tasks of one group are at different words, or at the same on the same thread.  Between groups stands
a barrier where both touch a storage, one of them writes it, and one of them is shared out; what
only thread 0 does is done in order.  Storages are compared as wholes, and BLOCK is a single one, as
its words are used again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from gradc_compiler.program.entry import Entry, Instruction, Phase, Space
from gradc_runtime.cpu.partition.thread_tasks import Group, ThreadTask

Place = tuple[int, int]  # space, and where a storage begins in it
EITHER = (False, True)


@dataclass(frozen=True, slots=True)
class StorageUse:
    """How a group, or one since the last barrier, uses a storage."""

    place: Place
    written: bool
    shared: bool  # maybe not on thread 0 alone


def with_barriers(entry: Entry, phase: Phase, groups: Sequence[Group]) -> list[ThreadTask]:
    """The tasks of a stage, with a barrier before each group that has to wait."""
    pending = set(_zeroed(phase))
    tasks: list[ThreadTask] = []
    for group in groups:
        uses = uses_of(entry, group)
        wait = any(other in pending for use in uses for other in _opposed(use))
        if wait:
            pending.clear()
        pending |= uses
        tasks += [replace(group[0], wait=wait), *group[1:]]
    return tasks


def uses_of(entry: Entry, group: Group) -> set[StorageUse]:
    """What a group does with which storages."""
    shared = any(task.shared for task in group)
    return {
        StorageUse(_storage(item, k), k in written, shared)
        for item in {id(task.instruction): task.instruction for task in group}.values()
        for written in [written_by(entry, item)]
        for k in range(len(item.operands))
    }


def written_by(entry: Entry, item: Instruction) -> Sequence[int]:
    """The operands that an instruction may write."""
    if item.writes is not None:
        return item.writes
    count = len(item.operands)
    return (count - 1,) if entry.kernels[item.kernel].source is None else range(count)


def _storage(item: Instruction, number: int) -> Place:
    operand = item.operands[number]
    return operand.space, 0 if operand.space == Space.BLOCK else operand.offset


def _opposed(use: StorageUse) -> Iterator[StorageUse]:
    """The earlier uses that one has to wait for."""
    for written, shared in product(EITHER, EITHER):
        if (written or use.written) and (shared or use.shared):
            yield StorageUse(use.place, written, shared)


def _zeroed(phase: Phase) -> Iterator[StorageUse]:
    """Partial sums, which thread 0 zeroes before a stage."""
    for item in phase.instructions if phase.examples else ():
        for k, operand in enumerate(item.operands):
            if operand.space == Space.PARTIAL:
                yield StorageUse(_storage(item, k), written=True, shared=False)
