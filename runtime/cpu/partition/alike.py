"""Instructions that are divided in the same way: of a hundred equal layers only one is looked at.

How threads share an instruction follows from its kernel, its loops, its work, and the kind of
memory that each operand lies in.  Where in that memory the operand lies does not matter.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from gradc_compiler.program.entry import Instruction, Space


def kind_of(item: Instruction) -> Hashable:
    """Everything about an instruction of a batch stage that decides how it is divided."""
    work = item.work
    return (
        item.kernel,
        item.geometry,
        item.writes,
        item.extent,
        item.time,
        (work.operations, work.operations_each, work.words, work.words_each),
        tuple([(min(o.space, Space.ARRAY), o.time) for o in item.operands]),
        tuple([(c.place, c.extent, c.inner, c.by_row, c.moves) for c in item.cuts]),
    )


def first_alike(items: Sequence[Instruction]) -> list[int]:
    """For each instruction, the number of the first one that is divided in the same way."""
    known: dict[Hashable, int] = {}
    return [known.setdefault(kind_of(item), k) for k, item in enumerate(items)]
