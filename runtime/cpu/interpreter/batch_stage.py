"""A batch stage in native code: chunks of the batch, the tiles (blocks) of a chunk, and the
instructions of a tile.

`runtime/cpu/interpreter/bytecode.py` says which word of the bytecode means what.
"""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.codegen.atomics import atomic_add
from gradc_runtime.cpu.codegen.intrinsics import WORDS, bytes_at, call_kernel, stack_words, words_at
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.barrier import barrier
from gradc_runtime.cpu.interpreter.bytecode import CLOCK, INSTRUCTION, MOST_ROWS, PARTIAL_SPACE

NUMBER = kernel_types.int64


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER, WORDS))
def launch(
    table: Any, at: Any, bases: Any, pointers: Any, begin: Any, end: Any, firsts: Any
) -> None:
    """Call an instruction's kernel for rows [begin, end), with the addresses of its operands."""
    operand = table[at + bytecode.OPERANDS_START]
    for k in range(table[at + bytecode.OPERANDS]):
        base = bases[table[operand + bytecode.OPERAND_SPACE]]
        before = firsts[table[operand + bytecode.OPERAND_ROWS]]
        start = (
            table[operand + bytecode.OPERAND_START] - begin * table[operand + bytecode.OPERAND_STEP]
        )
        pointers[k] = base + start + before * table[operand + bytecode.OPERAND_STRIDE]
        operand += bytecode.OPERAND
    geometry = words_at(table[at + bytecode.GEOMETRY_AT])
    call_kernel(table[at + bytecode.KERNEL], pointers, geometry, begin, end, firsts[0])


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, WORDS, WORDS, WORDS))
def run_loop(table: Any, at: Any, bases: Any, pointers: Any, firsts: Any, clock: Any) -> None:
    """Run a recurrence: for each time step, the instructions after the loop's head on its rows."""
    backwards = table[at + bytecode.LOOP_BACKWARDS] != 0
    counts = words_at(clock[bytecode.CLOCK_COUNTS])
    steps = clock[bytecode.CLOCK_STEPS]
    row = clock[bytecode.CLOCK_ROWS] if backwards else 0
    for k in range(steps):
        rows = counts[steps - 1 - k] if backwards else counts[k]
        row -= rows if backwards else 0
        for i in range(1, table[at + bytecode.LOOP_LENGTH] + 1):
            one = at + i * INSTRUCTION
            launch(table, one, bases, pointers, row, row + rows, firsts)
        row += 0 if backwards else rows


@subroutine(kernel_types.void(WORDS, NUMBER, NUMBER, WORDS, WORDS, WORDS, WORDS, NUMBER))
def run_block(
    table: Any, start: Any, count: Any, bases: Any, pointers: Any, firsts: Any, ends: Any,
    clock: Any,
) -> None:  # fmt: skip
    """Run all instructions of a batch stage on one block of examples."""
    i = 0
    while i < count:
        at = start + i * INSTRUCTION
        if table[at + bytecode.KERNEL] == 0:
            own = words_at(clock + 8 * CLOCK * table[at + bytecode.LOOP_TIME])
            run_loop(table, at, bases, pointers, firsts, own)
            i += table[at + bytecode.LOOP_LENGTH]
        elif ends[table[at + bytecode.ROWS]] > 0:  # a block may have no elements
            launch(table, at, bases, pointers, 0, ends[table[at + bytecode.ROWS]], firsts)
        i += 1


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS))
def clear_partials(table: Any, phase: Any, bases: Any) -> None:
    """Set the partial sums of a chunk to 0, in a stage that has any."""
    if table[phase + bytecode.CLEARS_PARTIALS] != 0:
        partial = bytes_at(bases[PARTIAL_SPACE])
        for i in range(table[bytecode.PARTIAL_BYTES]):
            partial[i] = 0


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER))
def run_chunk(table: Any, phase: Any, bases: Any, pointers: Any, chunk: Any) -> None:
    """Run the blocks of one chunk, in order."""
    clear_partials(table, phase, bases)
    blocks = table[bytecode.BLOCKS]
    chunks = table[bytecode.CHUNKS]
    start = table[phase + bytecode.INSTRUCTIONS_START]
    count = table[phase + bytecode.INSTRUCTIONS]
    firsts = stack_words(MOST_ROWS)
    ends = stack_words(MOST_ROWS)
    for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
        firsts[0] = block * table[bytecode.BLOCK]
        ends[0] = min(table[bytecode.BLOCK], table[bytecode.EXAMPLES] - firsts[0])
        clock = bases[table[bytecode.CLOCK_SPACE]] + block * table[bytecode.TIMES] * CLOCK * 8
        rows = words_at(clock)
        for k in range(table[bytecode.TIMES]):
            firsts[k + 1] = rows[CLOCK * k + bytecode.CLOCK_FIRST]
            ends[k + 1] = rows[CLOCK * k + bytecode.CLOCK_ROWS]
        run_block(table, start, count, bases, pointers, firsts, ends, clock)


@subroutine(kernel_types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER))
def run_examples(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, threads: Any
) -> None:
    """Run a batch stage: each thread takes chunks, by an atomic counter, until none is left."""
    partials = bases[PARTIAL_SPACE]
    chunk = 0
    while True:
        if threads > 1:
            chunk = atomic_add(control, bytecode.CHUNK_COUNTER, 1)
        if chunk >= table[bytecode.CHUNKS]:
            break
        bases[PARTIAL_SPACE] = partials + chunk * table[bytecode.PARTIAL_BYTES]
        run_chunk(table, phase, bases, pointers, chunk)
        chunk += 1
    bases[PARTIAL_SPACE] = partials
    barrier(control, threads)
