"""Bytecode without addresses: what an entry's table is in a file, before it is in memory.

A table (`runtime/cpu/interpreter/bytecode.py`) has the addresses of kernels and of their arguments.
Here each of them is a place in the table and what belongs there; the library writes the addresses
into its own copy, for each call.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.entry import Entry
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.encode import build_table
from gradc_runtime.system.errors import SessionError


@dataclass(frozen=True, slots=True, kw_only=True)
class RelocatableTable:
    """The table of an entry in blocks of a size, for any number of examples."""

    block: int
    words: NDArray[np.int64]
    kernels: list[tuple[int, int]]  # word, and the number of the kernel whose address it has
    arguments: list[tuple[int, int]]  # word, and the word of the table whose address it has
    rooms: list[tuple[int, int, int]]  # word, time, and the bytes by which a row moves it on


def relocatable(entry: Entry, word: int, block: int) -> RelocatableTable:
    """The table of an entry for one thread, in blocks of a size.

    Raises `SessionError` where more than its header depends on the number of examples.
    """
    table, other = (laid_out(entry, word, block, n) for n in (block, 3 * block + 1))
    if (table[bytecode.HEADER :] != other[bytecode.HEADER :]).any():
        raise SessionError(f"{entry.name} sums over the examples of a batch: it cannot be built")
    return with_places(entry, word, table)


def table_for_batch(entry: Entry, word: int, block: int, batch: int) -> RelocatableTable:
    """The table of an entry for one thread and one number of examples."""
    return with_places(entry, word, laid_out(entry, word, block, batch))


def with_places(entry: Entry, word: int, table: NDArray[np.int64]) -> RelocatableTable:
    """A table with the places into which addresses are written."""
    found = list(instructions(table))
    kernels = [(at + bytecode.KERNEL, int(table[at + bytecode.KERNEL]) - 1) for at in found]
    places = [at + bytecode.GEOMETRY_AT for at in found]
    return RelocatableTable(
        block=int(table[bytecode.BLOCK]),
        words=table,
        kernels=kernels,
        arguments=[(at, int(table[at])) for at in places],
        rooms=list(moved_by_rows(entry, word, table)),
    )


def moved_by_rows(
    entry: Entry, word: int, table: NDArray[np.int64]
) -> Iterator[tuple[int, int, int]]:
    """The words that grow with each further row of a time: the word, the time, the bytes a row."""
    block, examples = int(table[bytecode.BLOCK]), int(table[bytecode.EXAMPLES])
    for time in range(len(entry.times)):
        wider = laid_out(entry, word, block, examples, time)
        moved = wider[bytecode.HEADER :] - table[bytecode.HEADER :]
        for k in np.flatnonzero(moved):
            yield bytecode.HEADER + int(k), time, int(moved[k])


def laid_out(
    entry: Entry, word: int, block: int, examples: int, wider: int | None = None
) -> NDArray[np.int64]:
    """A table with kernel numbers and argument places instead of addresses.

    It has room for one row of each time, and for two rows of the time `wider`.
    """
    room = [1 + (time == wider) for time in range(len(entry.times))]
    table = build_table(entry, range(1, 1 + len(entry.kernels)), examples, word, block, room)
    start = table.ctypes.data
    for at in instructions(table):
        table[at + bytecode.GEOMETRY_AT] = (table[at + bytecode.GEOMETRY_AT] - start) // 8
    table[strides(table)] = 0
    return table


def instructions(table: NDArray[np.int64]) -> Iterator[int]:
    """Where the records of a table's instructions begin, without the heads of recurrences."""
    for p in range(int(table[bytecode.PHASES])):
        phase = bytecode.HEADER + p * bytecode.PHASE
        first = int(table[phase + bytecode.INSTRUCTIONS_START])
        for i in range(int(table[phase + bytecode.INSTRUCTIONS])):
            at = first + i * bytecode.INSTRUCTION
            if table[at + bytecode.KERNEL]:
                yield at


def strides(table: NDArray[np.int64]) -> slice:
    """The words by which spaces move from step to step; a library makes one step a call."""
    start = int(table[bytecode.STRIDES_START])
    return slice(start, start + int(table[bytecode.SPACES]))
