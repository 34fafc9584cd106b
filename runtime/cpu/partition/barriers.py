"""Where threads wait for one another: before a task that touches words which another thread may
still be reading or writing.

The shares of one task touch different words.  Two tasks need a barrier between them if both touch a
word, one of them writes it, and different threads do so.  No barrier is needed if one thread does
both, as it does its tasks in order; nor if both tasks are shared by examples, as each thread then
touches only its own examples.  So threads go through the layers of a network without waiting, each
with its own examples, until a task reads the examples of all.

Two storages are the same or lie apart.  Only in BLOCK, where words are used again, may two values
overlap; there the words of a row are compared, since an example of one value may then lie where the
other value has another example.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import field, replace

from gradc_compiler.program.entry import Entry, Instruction, Operand, RecurrenceLoop, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.thread_tasks import Group, ThreadTask

BY_EXAMPLES, ANY = "examples", "any"  # who touches a storage: each its own examples, or anyone
Who = int | str  # one thread, by its number, or one of these
Room = tuple[int, int | None]  # a space, and in BLOCK what its rows are


@dataclass(frozen=True, slots=True)
class StorageUse:
    """How a task uses a storage: words [begin, end) of every row of a room."""

    room: Room
    begin: int
    end: int
    written: bool
    who: Who

    def waits_for(self, other: StorageUse) -> bool:
        """Whether this use of a storage must not begin before another one is over."""
        if not (self.written or other.written):
            return False
        if self.begin >= other.end or other.begin >= self.end:
            return False
        if self.who != other.who or self.who == ANY:
            return True
        same = (self.begin, self.end) == (other.begin, other.end)
        return self.who == BY_EXAMPLES and not same


@dataclass
class _Pending:
    """What has been used since the last barrier, by room."""

    uses: dict[Room, set[StorageUse]] = field(default_factory=lambda: defaultdict(set))

    def blocks(self, uses: set[StorageUse]) -> bool:
        return any(use.waits_for(one) for use in uses for one in self.uses[use.room])

    def add(self, uses: set[StorageUse]) -> None:
        for use in uses:
            self.uses[use.room].add(use)


def with_barriers(
    entry: Entry, groups: Sequence[Group], loops: Sequence[RecurrenceLoop] = ()
) -> list[ThreadTask]:
    """The tasks of a stage, with a barrier before each group that has to wait.

    All threads wait before a stage.  The first task of a recurrence, which comes again after its
    last, waits in each time step if several threads have anything to do in it.
    """
    pending, tasks = _Pending(), list[ThreadTask]()
    heads = {loop.start for loop in loops if _several(groups[loop.start :][: loop.count])}
    for number, group in enumerate(groups):
        uses = uses_of(entry, group)
        wait = number in heads or pending.blocks(uses)
        if wait:
            pending = _Pending()
        pending.add(uses)
        tasks += [replace(group[0], wait=wait), *group[1:]]
    return tasks


def _several(groups: Sequence[Group]) -> bool:
    return any(task.shared or task.owner > 0 for group in groups for task in group)


def uses_of(entry: Entry, group: Group) -> set[StorageUse]:
    """Which storages a group of tasks reads and writes."""
    shared = any(task.shared for task in group)
    return {
        _use(operand, k in written, _who(task, operand) if shared else task.owner)
        for task in group
        for written in [written_by(entry, task.instruction)]
        for k, operand in enumerate(task.instruction.operands)
    }


def _who(task: ThreadTask, operand: Operand) -> Who:
    """Which threads touch an operand of a task that members share."""
    each = operand.space == Space.BLOCK or (operand.space >= Space.ARRAY and operand.stride > 0)
    own = each and operand.time is None and operand.step is None
    return BY_EXAMPLES if own and task.by_examples else ANY


def _use(operand: Operand, written: bool, who: Who) -> StorageUse:
    if operand.space != Space.BLOCK:
        place = operand.offset
        return StorageUse((operand.space, None), place, place + 1, written, who)
    room, begin = (operand.space, operand.time), operand.offset
    if operand.step is not None:
        room, begin = (operand.space, None), operand.step.offset
    return StorageUse(room, begin, begin + max(1, operand.words), written, who)


def written_by(entry: Entry, item: Instruction) -> Sequence[int]:
    """The operands that an instruction may write."""
    if item.writes is not None:
        return item.writes
    count = len(item.operands)
    return (count - 1,) if entry.kernels[item.kernel].source is None else range(count)
