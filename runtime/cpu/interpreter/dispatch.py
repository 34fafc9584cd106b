"""The dispatch loop: native code that runs an entry's bytecode for a number of steps.

It does not return to Python between instructions, stages or steps, since that would take longer
than many of the kernels.  Every thread enters with its number and goes through the whole table.
Teams of threads take chunks of a batch, and in each stage the members of a team have shares of the
tasks, as `runtime/cpu/partition/divide.py` has divided them.  Barriers stand at the end of a stage,
before a block of several members, and where a task says so (`barrier.py`).  A recurrence is a few
instructions that are run again for every time step, on the rows of that step.

`runtime/cpu/interpreter/bytecode.py` says which word of the bytecode means what.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.addition_chains import MOST_CHUNKS
from gradc_compiler.program.entry import MOST_OPERANDS
from gradc_runtime.cpu.codegen import flush_to_zero
from gradc_runtime.cpu.codegen.compensated import compensated
from gradc_runtime.cpu.codegen.flush_to_zero import get_float_mode, set_float_mode
from gradc_runtime.cpu.codegen.intrinsics import WORDS, pointer_reader, stack_words, words_at
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import EXACT, subroutine
from gradc_runtime.cpu.codegen.number_types import number_type, share_start
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.barrier import barrier
from gradc_runtime.cpu.interpreter.batch_stage import keep_results, run_examples, run_once
from gradc_runtime.cpu.interpreter.bytecode import ALL

NUMBER = kernel_types.int64


def adder(word: int) -> Any:
    """The subroutine that adds up one `PartialReduction` over chunks, each thread a range of it."""
    number, add_later = number_type(word), later_adder(word)
    reals, of_one, divide = pointer_reader(number), one_chunk(word), divider(word)

    @subroutine(kernel_types.void(WORDS, NUMBER, NUMBER, WORDS, NUMBER, NUMBER), stands_alone=True)
    def add_partials(table: Any, cut: Any, at: Any, bases: Any, thread: Any, threads: Any) -> None:
        words, chunks = table[at + bytecode.SUM_WORDS], table[cut + bytecode.CHUNKS]
        start = share_start(words, 16, thread, threads)
        stop = share_start(words, 16, thread + 1, threads)
        places = stack_words(2)
        places[0] = bases[bytecode.UNIFORM_SPACE] + table[at + bytecode.SUM_UNIFORM]
        total = reals(places, 0)
        first = bases[bytecode.PARTIAL_SPACE] + table[at + bytecode.SUM_PARTIAL]
        if chunks == 1:
            places[1] = first
            of_one(reals(places, 1), total, start, stop, table[bytecode.EXAMPLES])
            return
        begin, end = table[cut + bytecode.FIRST_CHUNK], table[cut + bytecode.END_CHUNK]
        fresh = begin if table[bytecode.CONTINUE] == 0 else -1
        for chunk in range(begin, min(end, begin + MOST_CHUNKS)):
            places[1] = first + chunk * table[bytecode.PARTIAL_BYTES]
            part = reals(places, 1)
            for i in range(start, stop):
                total[i] = part[i] if chunk == fresh else total[i] + part[i]
        if end - begin > MOST_CHUNKS:
            add_later(table, cut, total, first, start, stop)
        if table[bytecode.LAST] != 0:
            divide(total, start, stop, table[bytecode.EXAMPLES])

    return add_partials


def one_chunk(word: int) -> Any:
    """The subroutine for the sums of the only chunk: read, divided, and written in one pass."""
    number, divide = number_type(word), divider(word)
    pointer = kernel_types.CPointer(number)

    @subroutine(kernel_types.void(pointer, pointer, *[NUMBER] * 3), EXACT, stands_alone=True)
    def of_one(part: Any, total: Any, start: Any, stop: Any, examples: Any) -> None:
        share = number(1.0) / number(examples)
        if examples & (examples - 1) == 0:  # a power of two: the product is the quotient
            for i in range(start, stop):
                total[i] = part[i] * share
        else:
            for i in range(start, stop):
                total[i] = part[i]
            divide(total, start, stop, examples)

    return of_one


def divider(word: int) -> Any:
    """The subroutine that divides sums by the number of examples, in place: LLVM has vectors for a
    loop with one pointer, and for one with two that it can tell apart.
    """
    number = number_type(word)

    @subroutine(
        kernel_types.void(kernel_types.CPointer(number), *[NUMBER] * 3), EXACT, stands_alone=True
    )
    def divide(total: Any, start: Any, stop: Any, examples: Any) -> None:
        count = number(examples)
        share = number(1.0) / count
        if examples & (examples - 1) == 0:
            for i in range(start, stop):
                total[i] = total[i] * share
        else:
            for i in range(start, stop):
                total[i] = total[i] / count

    return divide


def later_adder(word: int) -> Any:
    """The subroutine that adds the chunks after the first MOST_CHUNKS to their sum.

    MOST_CHUNKS of them are added up at a time; those sums, and what rounding loses when they are
    added, go into the total: a compensated sum.
    """
    number = number_type(word)
    reals, exact = pointer_reader(number), compensated(number)
    plus, lost = exact["plus"], exact["lost"]

    @subroutine(
        kernel_types.void(WORDS, NUMBER, kernel_types.CPointer(number), *[NUMBER] * 3),
        stands_alone=True,
    )
    def add_later(table: Any, cut: Any, total: Any, first: Any, start: Any, stop: Any) -> None:
        places = stack_words(1)
        begin, end = table[cut + bytecode.FIRST_CHUNK], table[cut + bytecode.END_CHUNK]
        places[0] = first + (begin + 1) * table[bytecode.PARTIAL_BYTES]  # of a chunk added already
        rest = reals(places, 0)
        for i in range(start, stop):
            rest[i] = number(0.0)
        for group in range(begin + MOST_CHUNKS, end, MOST_CHUNKS):
            places[0] = first + group * table[bytecode.PARTIAL_BYTES]
            sums = reals(places, 0)
            for chunk in range(group + 1, min(group + MOST_CHUNKS, end)):
                places[0] = first + chunk * table[bytecode.PARTIAL_BYTES]
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
    """The subroutine that runs one stage."""
    add_partials = adder(word)

    @subroutine(
        kernel_types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER), stands_alone=True
    )
    def run_phase(
        control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
    ) -> None:
        if table[phase + bytecode.OF_EXAMPLES] == 0:
            run_once(control, table, phase, bases, pointers, thread, threads)
        else:
            run_examples(control, table, phase, bases, pointers, thread, threads)
        if table[phase + bytecode.SUMS] > 0:
            for i in range(table[phase + bytecode.SUMS]):
                at = table[phase + bytecode.SUMS_START] + i * bytecode.SUM
                add_partials(table, table[phase + bytecode.CUT], at, bases, thread, threads)
            barrier(control, ALL, thread, threads)

    return run_phase


def kernel(word: int) -> Any:
    """The dispatch loop for words of this many bytes."""
    run_phase, zeros = phase_runner(word), flush_to_zero.zeros()

    def walk(control: Any, table: Any, thread: Any, unused: Any, spare: Any) -> None:
        mode = get_float_mode()
        set_float_mode(mode | zeros)
        threads = control[bytecode.THREADS]
        bases = words_at(control[bytecode.BASES] + thread * control[bytecode.BASES_STEP])
        pointers = stack_words(MOST_OPERANDS)
        if thread > 0:  # only thread 0's addresses of arrays are set before a call
            told = words_at(control[bytecode.BASES])
            for k in range(bytecode.ARRAY_SPACE, table[bytecode.SPACES]):
                bases[k] = told[k]
        for _ in range(control[bytecode.STEPS]):
            for p in range(table[bytecode.PHASES]):
                phase = bytecode.HEADER + p * bytecode.PHASE
                run_phase(control, table, phase, bases, pointers, thread, threads)
            if thread == 0:
                keep_results(table, bases)
            if table[bytecode.RESULTS] > 0:
                barrier(control, ALL, thread, threads)
            for k in range(table[bytecode.SPACES]):
                bases[k] += table[table[bytecode.STRIDES_START] + k]
        set_float_mode(mode)

    return walk
