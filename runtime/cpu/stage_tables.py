"""A plan's bytecode in parts, for a step that goes on elsewhere between two stages.

Each table is the whole one with another header: one stage, on a range of the chunks; or sums alone,
of the words that a message has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import PartialReduction, Phase
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.system.aligned_memory import aligned

MESSAGE = MACHINE.rank_message  # words
Table = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SumSlice:
    """Words of a sum that travel in one message."""

    partial: int
    uniform: int
    words: int


def pieces(sums: Sequence[PartialReduction]) -> list[list[SumSlice]]:
    """The sums of a stage in messages of at most MESSAGE words."""
    messages: list[list[SumSlice]] = []
    room = 0
    for one in sums:
        done = 0
        while done < one.words:
            if room == 0:
                messages.append([])
                room = MESSAGE
            count = min(room, one.words - done)
            messages[-1].append(SumSlice(one.partial + done, one.uniform + done, count))
            done, room = done + count, room - count
    return messages


def of_stage(
    table: Table, number: int, chunks: tuple[int, int], records: range | None = None
) -> Table:
    """One stage of a plan, without its sums; of a serial one some of its records alone."""
    found = header_of(table, chunks, len(table))
    found[bytecode.HEADER :] = table[bytecode.HEADER :]
    first = bytecode.HEADER + number * bytecode.PHASE
    stage = table[first : first + bytecode.PHASE].copy()
    stage[bytecode.SUMS] = 0
    if records is not None:
        stage[bytecode.INSTRUCTIONS_START] += bytecode.INSTRUCTION * records.start
        stage[bytecode.INSTRUCTIONS] = len(records)
    found[bytecode.HEADER : bytecode.HEADER + bytecode.PHASE] = stage
    strides = int(table[bytecode.STRIDES_START])
    found[strides : strides + int(table[bytecode.SPACES])] = 0
    return found


def of_sums(
    table: Table, message: Sequence[SumSlice], chunks: tuple[int, int], word: int, out: int,
    kept: int | None,
) -> Table:  # fmt: skip
    """The sums of one message over some chunks, added to what the chunks before have.

    They stand one after another, so many bytes (`out`) from UNIFORM on; what is added to them in
    PARTIAL, or so many bytes from there on (`kept`), where each chunk's numbers are a row.
    """
    sums = bytecode.HEADER + bytecode.PHASE
    strides = sums + bytecode.SUM * len(message)
    found = header_of(table, chunks, strides + int(table[bytecode.SPACES]))
    found[bytecode.STRIDES_START] = strides
    found[bytecode.HEADER + bytecode.SUMS_START] = sums
    found[bytecode.HEADER + bytecode.SUMS] = len(message)
    if kept is not None:
        found[bytecode.PARTIAL_BYTES] = row = word * sum(piece.words for piece in message)
        kept -= chunks[0] * row
    for piece in message:
        found[sums + bytecode.SUM_PARTIAL] = piece.partial * word if kept is None else kept
        found[sums + bytecode.SUM_UNIFORM] = out
        found[sums + bytecode.SUM_WORDS] = piece.words
        sums, out = sums + bytecode.SUM, out + piece.words * word
        kept = None if kept is None else kept + piece.words * word
    return found


def header_of(table: Table, chunks: tuple[int, int], words: int) -> Table:
    """A table of one stage, with the header of another but for its chunks."""
    found = aligned(words, np.dtype(np.int64))
    found[: bytecode.HEADER] = table[: bytecode.HEADER]
    first, end = chunks
    found[bytecode.PHASES], found[bytecode.RESULTS] = 1, 0
    found[bytecode.FIRST_CHUNK], found[bytecode.END_CHUNK] = first, end
    found[bytecode.CONTINUE] = int(first > 0)
    return found


def read_by_serial(phase: Phase) -> frozenset[int]:
    """The spaces that a serial stage works on."""
    return frozenset(o.space for item in phase.instructions for o in item.operands)
