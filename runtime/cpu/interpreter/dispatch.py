"""The dispatch loop: native code that runs an entry's bytecode for a number of steps.

It does not return to Python between instructions, stages or steps, since that would take longer
than many of the kernels.  Every thread enters with its number and goes through the whole table.
Teams of threads take chunks of a batch, and in each stage the members of a team have shares of the
tasks, as `runtime/cpu/partition/divide.py` has divided them.  Threads wait for one another at the
end of a stage, before each block that several members share, and where a task says so
(`barrier.py`).  A recurrence is a few instructions that are run again for every time step, on the
rows of that step.

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
from gradc_runtime.cpu.codegen.number_types import number_type, pointer_type, share_start
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.barrier import barrier
from gradc_runtime.cpu.interpreter.batch_stage import keep_results, run_examples, run_once
from gradc_runtime.cpu.interpreter.bytecode import ALL

NUMBER = kernel_types.int64


def adder(word: int) -> Any:
    """The subroutine that adds up one `PartialReduction` over chunks, each thread a range of it."""
    add_chunks, add_later = chunk_adder(word), later_adder(word)
    reals, of_one, divide = pointer_reader(number_type(word)), one_chunk(word), divider(word)

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
        add_chunks(table, cut, total, first, start, stop)
        if table[cut + bytecode.END_CHUNK] - table[cut + bytecode.FIRST_CHUNK] > MOST_CHUNKS:
            add_later(table, cut, total, first, start, stop)
        if table[bytecode.LAST] != 0:
            divide(total, start, stop, table[bytecode.EXAMPLES])

    return add_partials


def sums_signature(word: int) -> Any:
    """The types of f(table, cut, total, first, start, stop): into total[start:stop] go the sums of
    chunks, of which the first one's are at the address `first`.
    """
    return kernel_types.void(WORDS, NUMBER, pointer_type(word), *[NUMBER] * 3)


def chunk_adder(word: int) -> Any:
    """The subroutine that adds up the first MOST_CHUNKS chunks, one after another.

    They go on from the total of an earlier call, unless this is the first one of a batch.
    """
    reals = pointer_reader(number_type(word))

    @subroutine(sums_signature(word))
    def add_chunks(table: Any, cut: Any, total: Any, first: Any, start: Any, stop: Any) -> None:
        places = stack_words(1)
        begin, end = table[cut + bytecode.FIRST_CHUNK], table[cut + bytecode.END_CHUNK]
        fresh = begin if table[bytecode.CONTINUE] == 0 else -1
        for chunk in range(begin, min(end, begin + MOST_CHUNKS)):
            places[0] = first + chunk * table[bytecode.PARTIAL_BYTES]
            part = reals(places, 0)
            for i in range(start, stop):
                total[i] = part[i] if chunk == fresh else total[i] + part[i]

    return add_chunks


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
    """The subroutine that divides sums by the number of examples, in place.

    It has one pointer, because LLVM makes vector code of a loop only if it can tell pointers apart.
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
    """The subroutine that adds the later chunks to the total, MOST_CHUNKS of them at a time.

    Those sums go into the total compensated; what rounding has lost of it is kept where a chunk
    stands that has been added already.
    """
    add_group, keep, zero = group_adder(word), keeper(word), number_type(word)(0.0)
    reals = pointer_reader(number_type(word))

    @subroutine(sums_signature(word), stands_alone=True)
    def add_later(table: Any, cut: Any, total: Any, first: Any, start: Any, stop: Any) -> None:
        places, size = stack_words(2), table[bytecode.PARTIAL_BYTES]
        begin, end = table[cut + bytecode.FIRST_CHUNK], table[cut + bytecode.END_CHUNK]
        places[1] = first + (begin + 1) * size
        rest = reals(places, 1)
        for i in range(start, stop):
            rest[i] = zero
        for group in range(begin + MOST_CHUNKS, end, MOST_CHUNKS):
            places[0] = first + group * size
            sums = reals(places, 0)
            add_group(sums, places[0], size, min(MOST_CHUNKS, end - group), start, stop)
            keep(sums, total, rest, start, stop)
        for i in range(start, stop):
            total[i] += rest[i]

    return add_later


def keeper(word: int) -> Any:
    """keep(sums, total, rest, start, stop): sums go into a total, and into `rest` what rounding has
    lost of it.
    """
    exact = compensated(number_type(word))
    plus, lost = exact["plus"], exact["lost"]

    @subroutine(kernel_types.void(*[pointer_type(word)] * 3, *[NUMBER] * 2))
    def keep(sums: Any, total: Any, rest: Any, start: Any, stop: Any) -> None:
        for i in range(start, stop):
            term = plus(sums[i], rest[i])
            rest[i] = lost(total[i], term)
            total[i] = plus(total[i], term)

    return keep


def group_adder(word: int) -> Any:
    """add_group(sums, first, size, chunks, start, stop): the chunks that follow the one at `first`,
    `size` bytes apart, are added to `sums`, which are those of that one.
    """
    reals = pointer_reader(number_type(word))

    @subroutine(kernel_types.void(pointer_type(word), *[NUMBER] * 5))
    def add_group(sums: Any, first: Any, size: Any, chunks: Any, start: Any, stop: Any) -> None:
        places = stack_words(1)
        for chunk in range(1, chunks):
            places[0] = first + chunk * size
            part = reals(places, 0)
            for i in range(start, stop):
                sums[i] += part[i]

    return add_group


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


@subroutine(kernel_types.void(WORDS, WORDS, WORDS))
def copy_addresses(control: Any, table: Any, bases: Any) -> None:
    """Copy the addresses of the caller's arrays to a thread: they are told to thread 0 only."""
    told = words_at(control[bytecode.BASES])
    for k in range(bytecode.ARRAY_SPACE, table[bytecode.SPACES]):
        bases[k] = told[k]


def kernel(word: int) -> Any:
    """The dispatch loop for words of this many bytes."""
    run_phase, zeros = phase_runner(word), flush_to_zero.zeros()

    def walk(control: Any, table: Any, thread: Any, unused: Any, spare: Any) -> None:
        mode = get_float_mode()
        set_float_mode(mode | zeros)
        threads = control[bytecode.THREADS]
        bases = words_at(control[bytecode.BASES] + thread * control[bytecode.BASES_STEP])
        pointers = stack_words(MOST_OPERANDS)
        if thread > 0:
            copy_addresses(control, table, bases)
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
