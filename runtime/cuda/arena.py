"""Where every word of an entry lies for one batch size, and the kernels to launch, in order.

All spaces lie in one array of device words.  The whole batch is one block, so there is one copy of
PARTIAL, and a value of BLOCK begins at `offset` times N.  What a kernel reads besides (the first
words of its operands, its geometry) is one stretch of a table that is written once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.program import Array, Entry, Instruction, Operand, Phase, Space
from runtime.cuda.kernels import CLEAR, MEAN

ALIGN = 32  # words: spaces begin on a line of the GPU's cache


@dataclass(frozen=True, slots=True)
class Call:
    """One launch: a kernel's text, where its numbers stand in the table, its pieces of work."""

    source: str
    at: int
    total: int


@dataclass(frozen=True, slots=True)
class Arena:
    """The first word of each space, and how many words there are in all."""

    examples: int
    bases: tuple[int, ...]
    words: int

    def first(self, operand: Operand) -> int:
        """The word at which an operand begins."""
        scale = self.examples if operand.space == Space.BLOCK else 1
        return self.bases[operand.space] + operand.offset * scale + operand.inner


def arrange(entry: Entry, persistent_words: int, examples: int) -> Arena:
    """Lay the spaces out one after another."""
    sizes = [persistent_words, entry.uniform_words, entry.block_words * examples]
    sizes += [entry.partial_words, *(array_words(array, examples) for array in entry.arrays)]
    bases = [0]
    for size in sizes:
        bases.append(bases[-1] + -(-size // ALIGN) * ALIGN)
    return Arena(examples, tuple(bases[:-1]), bases[-1])


def array_words(array: Array, examples: int) -> int:
    """Words of an array over the batch."""
    return array.type.size * examples


def calls(entry: Entry, arena: Arena) -> tuple[list[Call], NDArray[np.int64]]:
    """Every launch of one run in order, and the table they read."""
    made, table = [], [0]
    for source, numbers, total in _launches(entry, arena):
        made.append(Call(source, len(table), total))
        table += numbers
    return made, np.array(table, np.int64)


def _launches(entry: Entry, arena: Arena) -> Iterator[tuple[str, list[int], int]]:
    for phase in entry.phases:
        if phase.examples and entry.partial_words:
            yield CLEAR, [arena.bases[Space.PARTIAL]], entry.partial_words
        for instruction in phase.instructions:
            yield _launch(instruction, arena)
        yield from _means(phase, arena)


def _launch(instruction: Instruction, arena: Arena) -> tuple[str, list[int], int]:
    launch = instruction.launch
    assert launch is not None, f"an instruction without a CUDA kernel: {instruction.note}"
    numbers = [arena.first(operand) for operand in launch.operands] + list(launch.geometry)
    return launch.source, numbers, launch.pieces * (arena.examples if launch.each else 1)


def _means(phase: Phase, arena: Arena) -> Iterator[tuple[str, list[int], int]]:
    partial, uniform = arena.bases[Space.PARTIAL], arena.bases[Space.UNIFORM]
    for s in phase.sums:
        yield MEAN, [partial + s.partial, uniform + s.uniform], s.words
