"""The tasks of a stage in native code: every thread goes through all and does its own."""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.codegen.intrinsics import WORDS, bytes_at, stack_words, words_at
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import share_start
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.barrier import barrier
from gradc_runtime.cpu.interpreter.batch_stage import clear_partials, launch
from gradc_runtime.cpu.interpreter.bytecode import (
    BLOCK_SPACE,
    INSTRUCTION,
    LEAST_PIECE,
    MOST_PIECE,
    PIECE,
    PIECE_OF_EXAMPLE,
)

NUMBER = kernel_types.int64


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_pieces(
    table: Any, leader: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """Run an instruction and its followers piece by piece: a piece of the first, then the same
    piece of each follower, then the next.

    A result that only the followers read is streamed: every piece is written over the last one, so
    it stays in the cache.
    """
    firsts = stack_words(2)
    extent, unit = table[leader + bytecode.END], table[leader + bytecode.GRAIN]
    words = table[leader + INSTRUCTION + bytecode.GRAIN] // unit  # of a row
    begin = share_start(extent, unit, thread, threads)
    end = share_start(extent, unit, thread + 1, threads)
    first = begin
    most = max(LEAST_PIECE, min(MOST_PIECE, PIECE_OF_EXAMPLE * table[bytecode.EXAMPLES]))
    while begin < end:
        pieces = ((end - begin) * words + most - 1) // most
        rows = ((end - begin) // pieces + unit - 1) // unit * unit
        stop = min(end, begin + max(unit, rows))
        firsts[PIECE] = first
        launch(table, leader, bases, pointers, begin, stop, firsts)
        firsts[PIECE] = first * words
        for i in range(1, 1 + table[leader + bytecode.FOLLOWERS]):
            at = leader + i * INSTRUCTION
            launch(table, at, bases, pointers, begin * words, stop * words, firsts)
        begin = stop


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_own(table: Any, at: Any, bases: Any, pointers: Any, thread: Any, threads: Any) -> None:
    """This thread's rows of a task."""
    firsts = stack_words(1)
    begin, end = table[at + bytecode.BEGIN], table[at + bytecode.END]
    if threads > 1:  # one thread has all, and is spared the divisions
        grain, part = table[at + bytecode.GRAIN], table[at + bytecode.PART_NUMBER]
        if grain > 0:
            begin = share_start(table[at + bytecode.END], grain, thread, threads)
            end = share_start(table[at + bytecode.END], grain, thread + 1, threads)
        elif part * threads // table[at + bytecode.PART_OF] != thread:
            end = begin
    if begin < end:
        launch(table, at, bases, pointers, begin, end, firsts)


@subroutine(kernel_types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_tasks(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """Run a stage's tasks, each with its followers; all threads work on thread 0's BLOCK."""
    own = bases[BLOCK_SPACE]
    bases[BLOCK_SPACE] = words_at(control[bytecode.BASES])[BLOCK_SPACE]
    if thread == 0:
        clear_partials(table, phase, bases)
    at = table[phase + bytecode.TASKS_START]
    end = at + table[phase + bytecode.TASKS] * INSTRUCTION
    while at < end:
        if table[at + bytecode.WAITS] != 0:
            barrier(control, threads)
        followers = table[at + bytecode.FOLLOWERS]
        if followers > 0:
            run_pieces(table, at, bases, pointers, thread, threads)
        else:
            run_own(table, at, bases, pointers, thread, threads)
        at += (1 + followers) * INSTRUCTION
    bases[BLOCK_SPACE] = own
    barrier(control, threads)


@subroutine(kernel_types.void(WORDS, WORDS))
def keep_results(table: Any, bases: Any) -> None:
    """Copy the results of a step to the caller's arrays."""
    for k in range(table[bytecode.RESULTS]):
        at = table[bytecode.RESULTS_START] + k * bytecode.RESULT
        source = bytes_at(bases[bytecode.UNIFORM_SPACE] + table[at + bytecode.RESULT_UNIFORM])
        target = bytes_at(bases[table[at + bytecode.RESULT_SPACE]])
        for i in range(table[at + bytecode.RESULT_BYTES]):
            target[i] = source[i]
