"""The native loop: walks an entry's table for a number of steps, without coming back to Python.

Every thread enters with its number and walks the whole table.  In an EXAMPLES phase they take
chunks by an atomic counter, or parts of products if the batch is one block; in a ONCE phase an
instruction with `split` is cut into equal shares and any other is thread 0's.  Between them stand
barriers: the last to arrive opens it, the others spin, and after a while let other threads have the
core.

A recurrence is a few instructions that are run again for every step, on the rows of that step.

What lies where in the table is said in `runtime/cpu/layout.py`.
"""

from __future__ import annotations

from typing import Any

from compiler.entry import MOST_OPERANDS
from compiler.geometry import MOST_CHUNKS
from runtime.cpu import denormals, layout
from runtime.cpu.denormals import get_float_mode, set_float_mode
from runtime.cpu.intrinsics import WORDS, pointer_reader, stack_words, words_at
from runtime.cpu.kernels.barrier import barrier
from runtime.cpu.kernels.blocks import run_examples
from runtime.cpu.kernels.common import number_type, share_start
from runtime.cpu.kernels.compensated import compensated
from runtime.cpu.kernels.once import keep_results, run_once
from runtime.cpu.kernels.parts import run_parts
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine

NUMBER = types.int64


def adder(word: int) -> Any:
    """The subroutine that adds up one `Sum` over the chunks, each thread a share of its words."""
    number, add_later = number_type(word), later_adder(word)
    reals = pointer_reader(number)

    @subroutine(types.void(WORDS, NUMBER, WORDS, NUMBER, NUMBER))
    def add_partials(table: Any, at: Any, bases: Any, thread: Any, threads: Any) -> None:
        words = table[at + layout.SUM_WORDS]
        start = share_start(words, 16, thread, threads)
        stop = share_start(words, 16, thread + 1, threads)
        places = stack_words(2)
        places[0] = bases[layout.UNIFORM_SPACE] + table[at + layout.SUM_UNIFORM]
        total = reals(places, 0)
        first = bases[layout.PARTIAL_SPACE] + table[at + layout.SUM_PARTIAL]
        for chunk in range(min(table[layout.CHUNKS], MOST_CHUNKS)):
            places[1] = first + chunk * table[layout.PARTIAL_BYTES]
            part = reals(places, 1)
            for i in range(start, stop):
                total[i] = part[i] if chunk == 0 else total[i] + part[i]
        if table[layout.CHUNKS] > MOST_CHUNKS:
            add_later(table, total, first, start, stop)
        examples = number(table[layout.EXAMPLES])
        for i in range(start, stop):
            total[i] = total[i] / examples

    return add_partials


def later_adder(word: int) -> Any:
    """The subroutine that adds the chunks behind the first MOST_CHUNKS to their sum.

    So many chunks' sums at a time, and what rounding loses of them.
    """
    number = number_type(word)
    reals, exact = pointer_reader(number), compensated(number)
    plus, lost = exact["plus"], exact["lost"]

    @subroutine(types.void(WORDS, types.CPointer(number), *[NUMBER] * 3))
    def add_later(table: Any, total: Any, first: Any, start: Any, stop: Any) -> None:
        places = stack_words(1)
        places[0] = first + table[layout.PARTIAL_BYTES]  # of a chunk that is added up already
        rest = reals(places, 0)
        for i in range(start, stop):
            rest[i] = number(0.0)
        for group in range(MOST_CHUNKS, table[layout.CHUNKS], MOST_CHUNKS):
            places[0] = first + group * table[layout.PARTIAL_BYTES]
            sums = reals(places, 0)
            for chunk in range(group + 1, min(group + MOST_CHUNKS, table[layout.CHUNKS])):
                places[0] = first + chunk * table[layout.PARTIAL_BYTES]
                part = reals(places, 0)
                for i in range(start, stop):
                    sums[i] += part[i]
            for i in range(start, stop):
                term = plus(sums[i], rest[i])
                rest[i] = lost(total[i], term)
                total[i] = plus(total[i], term)
        for i in range(start, stop):
            total[i] += rest[i]

    return add_later


def phase_runner(word: int) -> Any:
    """The subroutine that goes through one phase."""
    add_partials = adder(word)

    @subroutine(types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
    def run_phase(
        control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
    ) -> None:
        if table[phase + layout.OF_EXAMPLES] == 0:
            run_once(control, table, phase, bases, pointers, thread, threads)
            return
        if table[phase + layout.PARTS] > 0:
            run_parts(control, table, phase, bases, pointers, thread, threads)
        else:
            run_examples(control, table, phase, bases, pointers, threads)
        if table[phase + layout.SUMS] > 0:
            for i in range(table[phase + layout.SUMS]):
                at = table[phase + layout.SUMS_START] + i * layout.SUM
                add_partials(table, at, bases, thread, threads)
            barrier(control, threads)

    return run_phase


def kernel(word: int) -> Any:
    """The walker for words of this many bytes."""
    run_phase, zeros = phase_runner(word), denormals.zeros()

    def walk(control: Any, table: Any, thread: Any, unused: Any, spare: Any) -> None:
        mode = get_float_mode()
        set_float_mode(mode | zeros)
        threads = control[layout.THREADS]
        bases = words_at(control[layout.BASES] + thread * control[layout.BASES_STEP])
        pointers = stack_words(MOST_OPERANDS)
        if thread > 0:  # what thread 0 has been told about arrays goes for all
            told = words_at(control[layout.BASES])
            for k in range(layout.ARRAY_SPACE, table[layout.SPACES]):
                bases[k] = told[k]
        for _ in range(control[layout.STEPS]):
            for p in range(table[layout.PHASES]):
                phase = layout.HEADER + p * layout.PHASE
                run_phase(control, table, phase, bases, pointers, thread, threads)
            if thread == 0:
                keep_results(table, bases)
            if table[layout.RESULTS] > 0:
                barrier(control, threads)
            for k in range(table[layout.SPACES]):
                bases[k] += table[table[layout.STRIDES_START] + k]
        set_float_mode(mode)

    return walk
