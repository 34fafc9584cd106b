"""How much room the spaces of an entry take, and which of them its kernels use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc_compiler.graph.types import Time
from gradc_compiler.program.arrays import ArrayName
from gradc_compiler.program.entry import Entry, Phase, Space
from gradc_runtime.system.aligned_memory import aligned
from gradc_runtime.system.files import require_memory


def uses_partials(phase: Phase) -> bool:
    """Whether any instruction works on a chunk's partial sums."""
    operands = (operand for item in phase.instructions for operand in item.operands)
    return bool(phase.sums) or any(operand.space == Space.PARTIAL for operand in operands)


def arrays_read(entry: Entry) -> frozenset[ArrayName]:
    """The arrays that some kernel of a CPU reads or writes; others are for a GPU."""
    used = {o.space for phase in entry.phases for item in phase.instructions for o in item.operands}
    arrays = enumerate(entry.arrays, Space.ARRAY)
    return frozenset(array.name for number, array in arrays if number in used)


def partial_bytes(entry: Entry, word: int) -> int:
    """Bytes between two chunks' copies of PARTIAL: whole cache lines."""
    return -(-entry.partial_words * word // 64) * 64


def block_bytes(entry: Entry, words: int, room: Sequence[int], word: int) -> int:
    """Bytes between two teams' BLOCKs, of so many words for examples: whole cache lines."""
    of_times = (each * rows for each, rows in zip(entry.kept_words, room, strict=True))
    return -(-(words + sum(of_times)) * word // 64) * 64


def bytes_of(entry: Entry, word: int, threads: int, examples: int) -> int:
    """Bytes that an entry takes for a batch: its spaces and arrays.

    Sequences have the length that their type fixes, or one element.
    """
    arrays = array_words(entry)
    room = [entry.block * least_length(time) for time in entry.times]
    teams = min(threads, entry.chunks)
    words = entry.block * entry.block_words
    words += min(entry.wide_block, examples) * entry.wide_words
    blocks = block_bytes(entry, words, room, word) * teams
    partials = partial_bytes(entry, word) * entry.chunks
    return (entry.uniform_words + arrays * examples) * word + blocks + partials


def array_words(entry: Entry) -> int:
    """Words an example of all arrays, counting once what takes turns."""
    slots: dict[int, int] = {}
    alone = 0
    for array in entry.arrays:
        words = array.type.size * least_length(array.type.time)
        if array.slot is None:
            alone += words
        else:
            slots[array.slot] = max(slots.get(array.slot, 0), array.within + words)
    return alone + sum(slots.values())


def least_length(time: Time | None) -> int:
    """The elements of a sequence, where its type fixes them; else one."""
    return time if isinstance(time, int) else 1


def reserved(size: int, dtype: np.dtype[Any], what: str) -> np.ndarray:
    """Aligned room, if there is that much memory."""
    require_memory(size * dtype.itemsize, what)
    return aligned(size, dtype)
