"""Blocks of examples in the walker: chunks, their blocks, the instructions of a block.

What lies where in the table is said once, in `runtime/cpu/layout.py`.
"""

from __future__ import annotations

from typing import Any

from runtime.cpu.intrinsics import WORDS, bytes_at, call_kernel, stack_words, words_at
from runtime.cpu.kernels.barrier import barrier
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine
from runtime.cpu.layout import (
    BLOCK,
    BLOCKS,
    CHUNK_COUNTER,
    CHUNKS,
    CLOCK,
    CLOCK_SPACE,
    EXAMPLES,
    INSTRUCTION,
    OPERAND,
    PARTIAL_BYTES,
    PARTIAL_SPACE,
    TIMES,
)
from runtime.cpu.waiting import atomic_add

NUMBER = types.int64


@subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER, WORDS))
def launch(
    table: Any, at: Any, bases: Any, pointers: Any, begin: Any, end: Any, firsts: Any
) -> None:
    """Call an instruction's kernel for rows [begin, end), with the addresses of its operands."""
    operand = table[at + 1]
    for k in range(table[at + 2]):
        base = bases[table[operand]]
        before = firsts[table[operand + 3]]
        start = table[operand + 1] - begin * table[operand + 4]
        pointers[k] = base + start + before * table[operand + 2]
        operand += OPERAND
    call_kernel(table[at], pointers, words_at(table[at + 3]), begin, end, firsts[0])


@subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, WORDS, WORDS))
def run_loop(table: Any, at: Any, bases: Any, pointers: Any, firsts: Any, clock: Any) -> None:
    """A recurrence: the instructions after its head, for the rows of each step in turn."""
    backwards = table[at + 3] != 0
    counts = words_at(clock[3])
    steps = clock[2]
    row = clock[1] if backwards else 0
    for k in range(steps):
        rows = counts[steps - 1 - k] if backwards else counts[k]
        row -= rows if backwards else 0
        for i in range(1, table[at + 1] + 1):
            one = at + i * INSTRUCTION
            launch(table, one, bases, pointers, row, row + rows, firsts)
        row += 0 if backwards else rows


@subroutine(types.void(WORDS, NUMBER, NUMBER, WORDS, WORDS, WORDS, WORDS, NUMBER))
def run_block(
    table: Any, start: Any, count: Any, bases: Any, pointers: Any, firsts: Any, ends: Any,
    clock: Any,
) -> None:  # fmt: skip
    """All instructions of an EXAMPLES phase on one block of examples."""
    i = 0
    while i < count:
        at = start + i * INSTRUCTION
        if table[at] == 0:
            own = words_at(clock + 8 * CLOCK * table[at + 2])
            run_loop(table, at, bases, pointers, firsts, own)
            i += table[at + 1]
        elif ends[table[at + 7]] > 0:  # a block may have no elements
            launch(table, at, bases, pointers, 0, ends[table[at + 7]], firsts)
        i += 1


@subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER))
def run_chunk(table: Any, phase: Any, bases: Any, pointers: Any, chunk: Any) -> None:
    """The blocks of one chunk, in order; its partial sums begin at 0."""
    if table[phase + 3] != 0:
        partial = bytes_at(bases[PARTIAL_SPACE])
        for i in range(table[PARTIAL_BYTES]):
            partial[i] = 0
    blocks = table[BLOCKS]
    chunks = table[CHUNKS]
    firsts = stack_words(32)  # of examples and of up to layout.MOST_TIMES times
    ends = stack_words(32)
    for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
        firsts[0] = block * table[BLOCK]
        ends[0] = min(table[BLOCK], table[EXAMPLES] - firsts[0])
        clock = bases[table[CLOCK_SPACE]] + block * table[TIMES] * CLOCK * 8
        rows = words_at(clock)
        for k in range(table[TIMES]):
            firsts[k + 1] = rows[CLOCK * k]
            ends[k + 1] = rows[CLOCK * k + 1]
        start, count = table[phase + 1], table[phase + 2]
        run_block(table, start, count, bases, pointers, firsts, ends, clock)


@subroutine(types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER))
def run_examples(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, threads: Any
) -> None:
    """An EXAMPLES phase: take chunks until none is left."""
    partials = bases[PARTIAL_SPACE]
    chunk = 0
    while True:
        if threads > 1:
            chunk = atomic_add(control, CHUNK_COUNTER, 1)
        if chunk >= table[CHUNKS]:
            break
        bases[PARTIAL_SPACE] = partials + chunk * table[PARTIAL_BYTES]
        run_chunk(table, phase, bases, pointers, chunk)
        chunk += 1
    bases[PARTIAL_SPACE] = partials
    barrier(control, threads)
