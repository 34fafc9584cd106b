"""The native loop: walks an entry's table for a number of steps, without coming back to Python.

Every thread enters with its number and walks the whole table.  In an EXAMPLES phase they take
chunks by an atomic counter, or parts of products if the batch is one block; in a ONCE phase an
instruction with `split` is cut into equal shares and any other is thread 0's.  Between them stand
barriers: the last to arrive opens it, the others spin, and after a while let other threads have the
core.

A recurrence is a few instructions that are run again for every step, on the rows of that step.

What lies where in the table is said once, in `runtime/cpu/layout.py`.
"""

from __future__ import annotations

from typing import Any

from runtime.cpu import denormals
from runtime.cpu.denormals import get_float_mode, set_float_mode
from runtime.cpu.intrinsics import WORDS, pointer_reader, stack_words, words_at
from runtime.cpu.kernels.barrier import barrier
from runtime.cpu.kernels.blocks import run_examples
from runtime.cpu.kernels.common import number_type, share_start
from runtime.cpu.kernels.once import keep_results, run_once
from runtime.cpu.kernels.parts import run_parts
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine
from runtime.cpu.layout import (
    BASES,
    BASES_STEP,
    CHUNKS,
    EXAMPLES,
    HEADER,
    MOST_OPERANDS,
    PARTIAL_BYTES,
    PARTIAL_SPACE,
    PHASE,
    PHASES,
    RESULTS,
    SPACES,
    STEPS,
    STRIDES_START,
    THREADS,
    UNIFORM_SPACE,
)

NUMBER = types.int64


def adder(word: int) -> Any:
    """The subroutine that adds up one `Sum` over the chunks, each thread a share of its words."""
    number = number_type(word)
    reals = pointer_reader(number)

    @subroutine(types.void(WORDS, NUMBER, WORDS, NUMBER, NUMBER))
    def add_partials(table: Any, at: Any, bases: Any, thread: Any, threads: Any) -> None:
        words = table[at + 2]
        start = share_start(words, 16, thread, threads)
        stop = share_start(words, 16, thread + 1, threads)
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

    return add_partials


def kernel(word: int) -> Any:
    """The walker for words of this many bytes."""
    add_partials = adder(word)
    zeros = denormals.zeros()

    @subroutine(types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
    def run_phase(
        control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
    ) -> None:
        if table[phase] == 0:
            run_once(control, table, phase, bases, pointers, thread, threads)
            return
        if table[phase + 7] > 0:
            run_parts(control, table, phase, bases, pointers, thread, threads)
        else:
            run_examples(control, table, phase, bases, pointers, threads)
        if table[phase + 5] > 0:
            for i in range(table[phase + 5]):
                add_partials(table, table[phase + 4] + 3 * i, bases, thread, threads)
            barrier(control, threads)

    def walk(control: Any, table: Any, thread: Any, unused: Any, spare: Any) -> None:
        mode = get_float_mode()
        set_float_mode(mode | zeros)
        threads = control[THREADS]
        bases = words_at(control[BASES] + thread * control[BASES_STEP])
        pointers = stack_words(MOST_OPERANDS)
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
