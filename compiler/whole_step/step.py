"""A whole step before it is code: everything that an entry does, as a sequence of nests.

Passes of steps (`step_passes.py`) take one and give one that computes the same; writers make the
code of one kernel of it (`step_writer.py`, `lane_writer.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradc_compiler.fusion.stages import Stage
from gradc_compiler.loops.ir import LoopNest, MemAccess
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.entry import Entry, Instruction, Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.select.builder import ProgramBuilder

Where = Callable[[MemAccess], Operand]
Begin = tuple[int, int]  # a space and an offset: where a storage begins


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction, and the nest that says what it means.

    With `scalars` its results stay in variables as long as no loop reads them; without, they are in
    memory before the next task begins.
    """

    instruction: Instruction
    nest: LoopNest
    phase: Stage
    scalars: bool = False

    @property
    def loops(self) -> LoopNest | None:
        """A nest of loops that does the same; None if the task reads at places that the data
        say.
        """
        return self.nest if self.nest.affine else None

    def touches(self, begin: Begin) -> bool:
        """Whether it reads or writes a storage."""
        return any(begin_of(o) == begin for o in self.instruction.operands)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepNests:
    """The tasks of a step in order, and the storages that they touch.

    `where` gives the address of a place and `words` the length of a buffer.  `given` are the
    storages, apart from persistent ones, that have values before the step; `kept` those that are
    read after it; `means` those in which the examples of a stage are added up, by each team of
    threads for itself.  Storages that are `empty` have no elements: a read there can only be of a
    halo, which is 0.
    """

    tasks: tuple[Task, ...]
    where: Where
    kept: frozenset[Begin] = frozenset()
    given: frozenset[Begin] = frozenset()
    means: frozenset[StorageKey] = frozenset()
    empty: frozenset[StorageKey] = frozenset()
    words: Mapping[StorageKey, int]

    def begin(self, access: MemAccess) -> Begin:
        """Where the storage of a place begins."""
        return begin_of(self.where(access))


def begin_of(operand: Operand) -> Begin:
    """Where the storage of an operand begins."""
    return operand.space, operand.offset


def step_of(entry: Entry, table: ProgramBuilder) -> StepNests:
    """All that an entry does, in order."""
    tasks = (
        Task(instruction, nest, key)
        for key in sorted(table.instructions)
        for instruction, nest in zip(table.instructions[key], table.nests[key], strict=True)
    )
    arrays = enumerate(entry.arrays, Space.ARRAY)
    filled = {(space, 0) for space, array in arrays if array.role in ("input", "clock")}
    filled |= {(int(Space.UNIFORM), constant.offset) for constant in entry.constants}
    return StepNests(
        tasks=tuple(tasks),
        where=table.operand,
        kept=frozenset(
            (int(Space.UNIFORM), result.offset) for result in entry.results if result.type.size
        ),
        given=frozenset(filled),
        means=frozenset(table.memory.partial),
        empty=_without_elements(table),
        words=table.layouts.words,
    )


def _without_elements(table: ProgramBuilder) -> frozenset[StorageKey]:
    """The storages whose values have no elements, because an axis has size 0."""
    sizes: dict[StorageKey, int] = {}
    for id, place in table.layouts.places.items():
        size = table.graph[id].type.size
        sizes[place.storage] = max(size, sizes.get(place.storage, 0))
    return frozenset(key for key, size in sizes.items() if size == 0)
