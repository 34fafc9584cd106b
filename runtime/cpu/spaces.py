"""How much room the spaces of an entry take, and which of them its kernels use."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.entry import Entry, Phase, Space


def uses_partials(phase: Phase) -> bool:
    """Whether any instruction works on a chunk's partial sums."""
    operands = (operand for item in phase.instructions for operand in item.operands)
    return bool(phase.sums) or any(operand.space == Space.PARTIAL for operand in operands)


def arrays_read(entry: Entry) -> frozenset[str]:
    """The arrays that some kernel of a CPU reads or writes; others are for a GPU."""
    used = {o.space for phase in entry.phases for item in phase.instructions for o in item.operands}
    arrays = enumerate(entry.arrays, Space.ARRAY)
    return frozenset(array.name for number, array in arrays if number in used)


def partial_bytes(entry: Entry, word: int) -> int:
    """Bytes between two chunks' copies of PARTIAL: whole cache lines."""
    return -(-entry.partial_words * word // 64) * 64


def block_words(entry: Entry, room: Sequence[int]) -> int:
    """Words of one thread's BLOCK."""
    of_times = (words * rows for words, rows in zip(entry.kept_words, room, strict=True))
    return entry.block * entry.block_words + sum(of_times)
