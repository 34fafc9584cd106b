"""What the parts of a recurrence's step read and write, and for whom each has to wait.

A value that takes turns with another in the same words would be other rows in one place: where a
step has such values, it does not become one kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import combinations

from gradc_compiler.loops.ir import MemAccess
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.printing.recurrence_plan import OwnedPart, OwnedProduct, Wait
from gradc_compiler.program.entry import Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.select.launch import LaunchDraft
from gradc_compiler.select.launch_pieces import meet

Place = tuple[int, int, int | None]  # what an operand lies in


def operands_of(drafts: Sequence[LaunchDraft]) -> dict[StorageKey, Operand]:
    """Where every buffer of a step lies."""
    return {key: at for draft in drafts for key, at in draft.operands.items()}


@dataclass(frozen=True, slots=True)
class _Uses:
    """What a part reads along its units, what it reads of others, and what it writes."""

    near: frozenset[Place]
    far: frozenset[Place]
    writes: frozenset[Place]


@dataclass
class StepUses:
    """What the parts of a step read and write, and what has not been waited for."""

    given: Sequence[OwnedPart]
    operands: Mapping[StorageKey, Operand]
    parts: list[_Uses] = field(default_factory=list)
    near: bool = True  # whether everything is written along units
    unseen: set[Place] = field(default_factory=set)  # by other blocks
    fresh: set[Place] = field(default_factory=set)  # written since the block waited
    read: set[Place] = field(default_factory=set)  # in this step since the block waited
    read_far: set[Place] = field(default_factory=set)  # in this step since all met

    @staticmethod
    def of(
        parts: Sequence[OwnedPart], operands: Mapping[StorageKey, Operand], units: int
    ) -> StepUses:
        """The uses of some parts."""
        found = StepUses(parts, operands)
        for part in parts:
            near, far, writes = set[Place](), set[Place](), set[Place]()
            for access, along in reads_of(part):
                fits = along == 1 and access.offset % units == 0
                (near if fits else far).add(found.place(access))
            for access in writes_of(part):
                found.near &= access.offset % units == 0
                writes.add(found.place(access))
            found.parts.append(_Uses(frozenset(near), frozenset(far), frozenset(writes)))
        return found

    def place(self, access: MemAccess) -> Place:
        """What an access lies in."""
        return place_of(self.operands[access.storage])

    def keep_to_rows(self, time: int) -> bool:
        """Whether only rows of the time are written, and no two values share words."""
        written = {place for part in self.parts for place in part.writes}
        used = {place_of(operand): operand for operand in self.operands.values()}
        apart = not any(
            meet(one, other) and (mine in written or theirs in written)
            for (mine, one), (theirs, other) in combinations(used.items(), 2)
            if one.space in (Space.BLOCK, Space.PARTIAL)
        )
        rows = all(
            place[2] == time and place[0] >= Space.BLOCK and place[0] != Space.PARTIAL
            for place in written
        )
        kept = {self.place(part.b) for part in self.given if isinstance(part, OwnedProduct)}
        return self.near and apart and rows and not kept & written

    def waits(self) -> tuple[Wait, ...]:
        """For whom each part waits, in the first step and in those that follow it."""
        first = [*self._step()]
        again = [*self._step()]
        order = [Wait.NOBODY, Wait.BLOCK, Wait.ALL]
        return tuple(max(pair, key=order.index) for pair in zip(first, again, strict=True))

    def _step(self) -> Iterator[Wait]:
        """A step's waits.  Rows of another step are other words, which it may write at once."""
        self.read, self.read_far = set(), set()
        for part in self.parts:
            wait = self._wait(part)
            if wait is not Wait.NOBODY:
                self.fresh, self.read = set(), set()
            if wait is Wait.ALL:
                self.unseen, self.read_far = set(), set()
            self.read |= part.near | part.far
            self.read_far |= part.far
            self.fresh |= part.writes
            self.unseen |= part.writes
            yield wait

    def _wait(self, part: _Uses) -> Wait:
        if part.far & self.unseen or part.writes & self.read_far:
            return Wait.ALL
        touched = part.near | part.far | part.writes
        return Wait.BLOCK if touched & self.fresh or part.writes & self.read else Wait.NOBODY


def place_of(operand: Operand) -> Place:
    """What an operand lies in."""
    return int(operand.space), operand.offset, operand.time


def reads_of(part: OwnedPart) -> Iterator[tuple[MemAccess, int]]:
    """What a part reads, and the words from a column to the next; 0 where that is another's."""
    if isinstance(part, OwnedProduct):
        yield part.a, 0
        yield part.b, 0
        if part.adds:
            yield part.y, 1
        return
    for _, access in part.nest.loads:
        yield access, access.moves[1]


def writes_of(part: OwnedPart) -> list[MemAccess]:
    """What a part writes."""
    return [part.y] if isinstance(part, OwnedProduct) else [a for _, a, _ in part.nest.stores]
