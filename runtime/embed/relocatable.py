"""Bytecode without addresses: what an entry's table is in a file, before it is in memory.

A table (`runtime/cpu/interpreter/bytecode.py`) has the addresses of kernels and of their arguments.
Here each of them is a place in the table and what belongs there; the library writes the addresses
into its own copy, for each call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.entry import Entry
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


def relocatable(entry: Entry, word: int, block: int) -> RelocatableTable:
    """The table of an entry for one thread, in blocks of a size.

    Raises `SessionError` where more than its header depends on the number of examples.
    """
    numbers = range(1, 1 + len(entry.kernels))
    table, other = (build_table(entry, numbers, n, word, block) for n in (block, 3 * block + 1))
    kernels, arguments = [], []
    for one in (table, other):
        start = one.ctypes.data
        for at in instructions(one):
            one[at + bytecode.GEOMETRY_AT] = (one[at + bytecode.GEOMETRY_AT] - start) // 8
    for at in instructions(table):
        kernels.append((at + bytecode.KERNEL, int(table[at + bytecode.KERNEL]) - 1))
        arguments.append((at + bytecode.GEOMETRY_AT, int(table[at + bytecode.GEOMETRY_AT])))
    table[strides(table)] = other[strides(other)] = 0
    if (table[bytecode.HEADER :] != other[bytecode.HEADER :]).any():
        raise SessionError(f"{entry.name} sums over the examples of a batch: it cannot be built")
    return RelocatableTable(block=block, words=table, kernels=kernels, arguments=arguments)


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
