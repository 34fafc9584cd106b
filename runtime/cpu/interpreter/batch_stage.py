"""Stages in native code: the chunks and blocks of a batch stage, the tasks of either kind, and the
results of a step.

`runtime/cpu/interpreter/bytecode.py` says which word of the bytecode means what.
"""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.codegen.atomics import atomic_add
from gradc_runtime.cpu.codegen.intrinsics import WORDS, bytes_at, stack_words, words_at
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import share_start
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.barrier import barrier
from gradc_runtime.cpu.interpreter.bytecode import ALL, BLOCK_SPACE, CLOCK, MOST_ROWS, PARTIAL_SPACE
from gradc_runtime.cpu.interpreter.run_tasks import run_tasks

NUMBER = kernel_types.int64
CLEARED = 64  # bytes, of which a member's share of zeros is a multiple


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, NUMBER, NUMBER), stands_alone=True)
def clear_partials(table: Any, phase: Any, bases: Any, member: Any, members: Any) -> None:
    """Set the partial sums of a chunk to 0, in a stage that has any; each member some of them."""
    if table[phase + bytecode.CLEARS_PARTIALS] != 0:
        partial, size = bytes_at(bases[PARTIAL_SPACE]), table[bytecode.PARTIAL_BYTES]
        start = share_start(size, CLEARED, member, members)
        for i in range(start, share_start(size, CLEARED, member + 1, members)):
            partial[i] = 0


@subroutine(
    kernel_types.void(WORDS, NUMBER, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER, NUMBER),
    stands_alone=True,
)
def run_chunk(
    control: Any, team: Any, table: Any, phase: Any, bases: Any, pointers: Any, chunk: Any,
    member: Any, members: Any,
) -> None:  # fmt: skip
    """Run the blocks of one chunk, in order; members wait for one another before each."""
    clear_partials(table, phase, bases, member, members)
    cut = table[phase + bytecode.CUT]
    blocks, chunks = table[cut + bytecode.BLOCKS], table[cut + bytecode.CHUNKS]
    start = table[phase + bytecode.INSTRUCTIONS_START]
    count = table[phase + bytecode.INSTRUCTIONS]
    firsts = stack_words(MOST_ROWS)
    ends = stack_words(MOST_ROWS)
    for block in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
        firsts[0] = block * table[cut + bytecode.BLOCK]
        ends[0] = min(table[cut + bytecode.BLOCK], table[bytecode.EXAMPLES] - firsts[0])
        clock = bases[table[bytecode.CLOCK_SPACE]] + block * table[bytecode.TIMES] * CLOCK * 8
        rows = words_at(clock)
        for k in range(table[bytecode.TIMES]):
            firsts[k + 1] = rows[CLOCK * k + bytecode.CLOCK_FIRST]
            ends[k + 1] = rows[CLOCK * k + bytecode.CLOCK_ROWS]
        barrier(control, team, member, members)
        run_tasks(
            control, team, table, start, count, bases, pointers, firsts, ends, clock,
            member, members,
        )  # fmt: skip


@subroutine(NUMBER(WORDS, WORDS, *[NUMBER] * 5))
def next_chunk(
    control: Any, table: Any, cut: Any, chunk: Any, team: Any, teams: Any, members: Any
) -> Any:
    """The chunk that a team takes after `chunk` (-1: first); the end of all where none is left.

    Teams of one thread take whichever comes next, by an atomic counter, as some may be slower than
    others.  In a team of several all members must know the same chunk: it takes every `teams`-th.
    """
    begin, end = table[cut + bytecode.FIRST_CHUNK], table[cut + bytecode.END_CHUNK]
    if team >= teams:
        return end
    if members == 1 and teams > 1:
        return begin + atomic_add(control, ALL + bytecode.CHUNK_COUNTER, 1)
    return begin + team if chunk < 0 else chunk + teams


@subroutine(
    kernel_types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER), stands_alone=True
)
def run_examples(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """Run a batch stage: teams take chunks until none is left."""
    partials, blocks = bases[PARTIAL_SPACE], bases[BLOCK_SPACE]
    cut = table[phase + bytecode.CUT]
    teams = min(threads, table[cut + bytecode.TEAMS])
    members = table[cut + bytecode.MEMBERS] if threads > 1 else 1
    team, member = thread // members, thread % members
    words = ALL + bytecode.TEAM * (1 + team)
    bases[BLOCK_SPACE] = blocks + team * table[bytecode.BLOCK_BYTES]
    chunk = next_chunk(control, table, cut, -1, team, teams, members)
    while chunk < table[cut + bytecode.END_CHUNK]:
        bases[PARTIAL_SPACE] = partials + chunk * table[bytecode.PARTIAL_BYTES]
        run_chunk(control, words, table, phase, bases, pointers, chunk, member, members)
        chunk = next_chunk(control, table, cut, chunk, team, teams, members)
    bases[PARTIAL_SPACE], bases[BLOCK_SPACE] = partials, blocks
    barrier(control, ALL, thread, threads)


@subroutine(
    kernel_types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER), stands_alone=True
)
def run_once(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """Run a serial stage: all threads are one team."""
    start = table[phase + bytecode.INSTRUCTIONS_START]
    count = table[phase + bytecode.INSTRUCTIONS]
    firsts = stack_words(MOST_ROWS)
    run_tasks(
        control, ALL, table, start, count, bases, pointers, firsts, firsts, 0, thread, threads
    )
    barrier(control, ALL, thread, threads)


@subroutine(kernel_types.void(WORDS, WORDS))
def keep_results(table: Any, bases: Any) -> None:
    """Copy the results of a step to the caller's arrays."""
    for k in range(table[bytecode.RESULTS]):
        at = table[bytecode.RESULTS_START] + k * bytecode.RESULT
        source = bytes_at(bases[bytecode.UNIFORM_SPACE] + table[at + bytecode.RESULT_UNIFORM])
        target = bytes_at(bases[table[at + bytecode.RESULT_SPACE]])
        for i in range(table[at + bytecode.RESULT_BYTES]):
            target[i] = source[i]
