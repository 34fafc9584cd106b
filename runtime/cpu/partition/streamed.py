"""Streamed buffers: results that only the next instructions read, and that memory never has whole.

    gradient, then its update: rows 0 to 83 of both, rows 84 to 167 of both, ...

A thread runs an instruction and its followers (`Instruction.follows`) a piece at a time.  If only
the followers read its result, the thread writes each piece over the one before: the piece stays in
the cache, and the whole result never goes through memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gradc_compiler.program.entry import Entry, Instruction, Operand, Space, consumers

Place = tuple[int, int]  # space, and where a storage begins in it


def place(operand: Operand) -> Place:
    """The buffer that an operand is in."""
    return operand.space, operand.offset


def passed_on(entry: Entry) -> Mapping[Place, int]:
    """The streamed buffers: those that one instruction writes and only its followers read; and for
    each, the words of a row.
    """
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
    """The buffers of all operands."""
    return [place(operand) for item in instructions for operand in item.operands]


def groups(entry: Entry) -> Iterator[tuple[Instruction, list[Instruction]]]:
    """Each instruction that has followers, with its followers."""
    for phase in entry.phases:
        for k, leader in enumerate(phase.instructions):
            behind = consumers(phase.instructions, k)
            if behind and not leader.follows:
                yield leader, behind
