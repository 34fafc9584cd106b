"""Instructions that are divided alike: of equal layers one is looked at, not each of a hundred.

How threads share an instruction follows from its kernel, its loops and its work, and from the kind
of memory that its operands lie in, not from where they lie there.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from gradc_compiler.program.entry import Instruction, Space


def kind_of(item: Instruction) -> Hashable:
    """All of an instruction of a batch stage that its division follows from."""
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
    """For each instruction, the number of the first that is divided as it is."""
    known: dict[Hashable, int] = {}
    return [known.setdefault(kind_of(item), k) for k, item in enumerate(items)]
