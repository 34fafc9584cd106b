"""What an instruction only passes on to those that follow it: a matrix that is never there whole.

    gradient, then its update: rows 0 to 83 of both, rows 84 to 167 of both, ...

Threads go through such a group piece by piece.  If nobody else reads the gradient, each piece of a
thread may lie where its first one did: it stays in the cache, and no memory is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gradc_compiler.program.entry import Entry, Instruction, Operand, Space, consumers

Place = tuple[int, int]  # space, and where a storage begins in it


def place(operand: Operand) -> Place:
    """The storage that an operand is in."""
    return operand.space, operand.offset


def passed_on(entry: Entry) -> Mapping[Place, int]:
    """Storages that one instruction writes and only its followers read, with the words of a row."""
    used = Counter(o for phase in entry.phases for o in places(phase.instructions))
    kept = [result.offset for result in entry.results]
    found = {}
    for leader, behind in groups(entry):
        target, words = leader.operands[-1], behind[0].extent
        alone = used[place(target)] == places([leader, *behind]).count(place(target))
        wanted = any(target.offset <= offset < target.offset + words for offset in kept)
        if target.space == Space.UNIFORM and alone and not wanted:
            found[place(target)] = words // leader.extent
    return found


def places(instructions: Sequence[Instruction]) -> list[Place]:
    """The storages of all operands."""
    return [place(operand) for item in instructions for operand in item.operands]


def groups(entry: Entry) -> Iterator[tuple[Instruction, list[Instruction]]]:
    """Each instruction that others follow, and those."""
    for phase in entry.phases:
        for k, leader in enumerate(phase.instructions):
            behind = consumers(phase.instructions, k)
            if behind and not leader.follows:
                yield leader, behind
