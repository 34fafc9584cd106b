"""The native loop: walks an entry's table for a number of steps, without coming back to Python.

Every thread enters with its number and walks the whole table.  In an EXAMPLES phase they take
chunks by an atomic counter; in a ONCE phase an instruction with `split` is cut into equal shares
and any other is thread 0's.  Between them stand barriers: the last to arrive opens it, the others
spin, and after a while let other threads have the core.

A recurrence is a few instructions that are run again for every step, on the rows of that step.

What lies where in the table is said once, in `runtime/cpu/table.py`.
"""

from __future__ import annotations

from typing import Any

from runtime.cpu import denormals
from runtime.cpu.denormals import get_float_mode, set_float_mode
from runtime.cpu.intrinsics import (
    WORDS,
    bytes_at,
    call_kernel,
    pointer_reader,
    stack_words,
    words_at,
)
from runtime.cpu.kernels.barrier import barrier
from runtime.cpu.kernels.common import number_type
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine
from runtime.cpu.layout import (
    BASES,
    BASES_STEP,
    BLOCK,
    BLOCKS,
    CHUNK_COUNTER,
    CHUNKS,
    CLOCK,
    CLOCK_SPACE,
    EXAMPLES,
    HEADER,
    INSTRUCTION,
    OPERAND,
    PARTIAL_BYTES,
    PARTIAL_SPACE,
    PHASE,
    PHASES,
    RESULT_START,
    RESULTS,
    SPACES,
    STEPS,
    STRIDES_START,
    THREADS,
    TIMES,
    UNIFORM_SPACE,
)
from runtime.cpu.waiting import atomic_add

NUMBER = types.int64


def kernel(word: int) -> Any:
    """The walker for words of this many bytes."""
    reals = pointer_reader(number_type(word))
    number = number_type(word)
    zeros = denormals.zeros()

    @subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER, WORDS))
    def launch(
        table: Any, at: Any, bases: Any, pointers: Any, begin: Any, end: Any, firsts: Any
    ) -> None:
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

    @subroutine(types.void(WORDS, NUMBER, WORDS, NUMBER, NUMBER))
    def add_partials(table: Any, at: Any, bases: Any, thread: Any, threads: Any) -> None:
        words = table[at + 2]
        lines = (words + 15) // 16
        start = 16 * (lines * thread // threads)
        stop = min(words, 16 * (lines * (thread + 1) // threads))
        places = stack_words(2)
        places[0] = bases[UNIFORM_SPACE] + table[at + 1]
        total = reals(places, 0)
        for chunk in range(table[CHUNKS]):
            places[1] = bases[PARTIAL_SPACE] + table[at] + chunk * table[PARTIAL_BYTES]
            part = reals(places, 1)
            for i in range(start, stop):
                total[i] = part[i] if chunk == 0 else total[i] + part[i]
        examples = number(table[EXAMPLES])
        for i in range(start, stop):
            total[i] = total[i] / examples

    @subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
    def run_pieces(
        table: Any, leader: Any, bases: Any, pointers: Any, thread: Any, threads: Any
    ) -> None:
        firsts = stack_words(1)
        pieces = (table[leader + 4] + table[leader + 5] - 1) // table[leader + 5]
        for piece in range(pieces * thread // threads, pieces * (thread + 1) // threads):
            for i in range(1 + table[leader + 8]):
                at = leader + i * INSTRUCTION
                begin = piece * table[at + 5]
                stop = min(table[at + 4], begin + table[at + 5])
                launch(table, at, bases, pointers, begin, stop, firsts)

    @subroutine(types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
    def run_once(
        control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
    ) -> None:
        firsts = stack_words(1)
        end = table[phase + 1] + table[phase + 2] * INSTRUCTION
        at = table[phase + 1] - INSTRUCTION
        while at + INSTRUCTION < end:
            at += INSTRUCTION
            if table[at + 6] != 0:
                barrier(control, threads)
            extent = table[at + 4]
            grain = table[at + 5]
            if table[at + 8] > 0:
                run_pieces(table, at, bases, pointers, thread, threads)
                at += table[at + 8] * INSTRUCTION
                continue
            if threads == 1 or grain == 0:
                if thread == 0:
                    launch(table, at, bases, pointers, 0, extent, firsts)
                continue
            pieces = (extent + grain - 1) // grain
            begin = grain * (pieces * thread // threads)
            stop = min(extent, grain * (pieces * (thread + 1) // threads))
            if begin < stop:
                launch(table, at, bases, pointers, begin, stop, firsts)
        barrier(control, threads)

    @subroutine(types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
    def run_phase(
        control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
    ) -> None:
        if table[phase] == 0:
            run_once(control, table, phase, bases, pointers, thread, threads)
            return
        run_examples(control, table, phase, bases, pointers, threads)
        if table[phase + 5] > 0:
            for i in range(table[phase + 5]):
                add_partials(table, table[phase + 4] + 3 * i, bases, thread, threads)
            barrier(control, threads)

    @subroutine(types.void(WORDS, WORDS))
    def keep_results(table: Any, bases: Any) -> None:
        for k in range(table[RESULTS]):
            at = table[RESULT_START] + 3 * k
            source = bytes_at(bases[UNIFORM_SPACE] + table[at])
            target = bytes_at(bases[table[at + 2]])
            for i in range(table[at + 1]):
                target[i] = source[i]

    def walk(control: Any, table: Any, thread: Any, unused: Any, spare: Any) -> None:
        mode = get_float_mode()
        set_float_mode(mode | zeros)
        threads = control[THREADS]
        bases = words_at(control[BASES] + thread * control[BASES_STEP])
        pointers = stack_words(64)  # as many as layout.MOST_OPERANDS
        for _ in range(control[STEPS]):
            for p in range(table[PHASES]):
                phase = HEADER + p * PHASE
                run_phase(control, table, phase, bases, pointers, thread, threads)
            if thread == 0:
                keep_results(table, bases)
            if table[RESULTS] > 0:
                barrier(control, threads)
            for k in range(table[SPACES]):
                bases[k] += table[table[STRIDES_START] + k]
        set_float_mode(mode)

    return walk
