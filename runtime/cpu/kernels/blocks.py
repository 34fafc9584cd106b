"""Blocks of examples in the walker: chunks, their blocks, the instructions of a block.

What lies where in the table is said in `runtime/cpu/layout.py`.
"""

from __future__ import annotations

from typing import Any

from runtime.cpu import layout
from runtime.cpu.intrinsics import WORDS, bytes_at, call_kernel, stack_words, words_at
from runtime.cpu.kernels.barrier import barrier
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine
from runtime.cpu.layout import CLOCK, INSTRUCTION, MOST_ROWS, PARTIAL_SPACE
from runtime.cpu.waiting import atomic_add

NUMBER = types.int64


@subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER, WORDS))
def launch(
    table: Any, at: Any, bases: Any, pointers: Any, begin: Any, end: Any, firsts: Any
) -> None:
    """Call an instruction's kernel for rows [begin, end), with the addresses of its operands."""
    operand = table[at + layout.OPERANDS_START]
    for k in range(table[at + layout.OPERANDS]):
        base = bases[table[operand + layout.OPERAND_SPACE]]
        before = firsts[table[operand + layout.OPERAND_ROWS]]
        start = table[operand + layout.OPERAND_START] - begin * table[operand + layout.OPERAND_STEP]
        pointers[k] = base + start + before * table[operand + layout.OPERAND_STRIDE]
        operand += layout.OPERAND
    geometry = words_at(table[at + layout.GEOMETRY_AT])
    call_kernel(table[at + layout.KERNEL], pointers, geometry, begin, end, firsts[0])


@subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, WORDS, WORDS))
def run_loop(table: Any, at: Any, bases: Any, pointers: Any, firsts: Any, clock: Any) -> None:
    """A recurrence: the instructions after its head, for the rows of each step in turn."""
    backwards = table[at + layout.LOOP_BACKWARDS] != 0
    counts = words_at(clock[layout.CLOCK_COUNTS])
    steps = clock[layout.CLOCK_STEPS]
    row = clock[layout.CLOCK_ROWS] if backwards else 0
    for k in range(steps):
        rows = counts[steps - 1 - k] if backwards else counts[k]
        row -= rows if backwards else 0
        for i in range(1, table[at + layout.LOOP_LENGTH] + 1):
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
        if table[at + layout.KERNEL] == 0:
            own = words_at(clock + 8 * CLOCK * table[at + layout.LOOP_TIME])
            run_loop(table, at, bases, pointers, firsts, own)
            i += table[at + layout.LOOP_LENGTH]
        elif ends[table[at + layout.ROWS]] > 0:  # a block may have no elements
            launch(table, at, bases, pointers, 0, ends[table[at + layout.ROWS]], firsts)
        i += 1


@subroutine(types.void(WORDS, NUMBER, WORDS))
def clear_partials(table: Any, phase: Any, bases: Any) -> None:
    """The partial sums of a chunk begin at 0, in a phase that has any."""
    if table[phase + layout.CLEARS_PARTIALS] != 0:
        partial = bytes_at(bases[PARTIAL_SPACE])
        for i in range(table[layout.PARTIAL_BYTES]):
            partial[i] = 0


@subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER))
def run_chunk(table: Any, phase: Any, bases: Any, pointers: Any, chunk: Any) -> None:
    """The blocks of one chunk, in order."""
    clear_partials(table, phase, bases)
    blocks = table[layout.BLOCKS]
    chunks = table[layout.CHUNKS]
    start = table[phase + layout.INSTRUCTIONS_START]
    count = table[phase + layout.INSTRUCTIONS]
    firsts = stack_words(MOST_ROWS)
    ends = stack_words(MOST_ROWS)
    for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
        firsts[0] = block * table[layout.BLOCK]
        ends[0] = min(table[layout.BLOCK], table[layout.EXAMPLES] - firsts[0])
        clock = bases[table[layout.CLOCK_SPACE]] + block * table[layout.TIMES] * CLOCK * 8
        rows = words_at(clock)
        for k in range(table[layout.TIMES]):
            firsts[k + 1] = rows[CLOCK * k + layout.CLOCK_FIRST]
            ends[k + 1] = rows[CLOCK * k + layout.CLOCK_ROWS]
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
            chunk = atomic_add(control, layout.CHUNK_COUNTER, 1)
        if chunk >= table[layout.CHUNKS]:
            break
        bases[PARTIAL_SPACE] = partials + chunk * table[layout.PARTIAL_BYTES]
        run_chunk(table, phase, bases, pointers, chunk)
        chunk += 1
    bases[PARTIAL_SPACE] = partials
    barrier(control, threads)
