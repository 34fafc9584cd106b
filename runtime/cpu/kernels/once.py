"""What a step does once in the walker: updates, shared out over threads, and its results."""

from __future__ import annotations

from typing import Any

from runtime.cpu.intrinsics import WORDS, bytes_at, stack_words
from runtime.cpu.kernels.barrier import barrier
from runtime.cpu.kernels.blocks import launch
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine
from runtime.cpu.layout import INSTRUCTION, RESULT_START, RESULTS, UNIFORM_SPACE

NUMBER = types.int64


@subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_pieces(
    table: Any, leader: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """An instruction with those that follow it, piece by piece."""
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
    """A ONCE phase: this thread's share of what is split, and all else on thread 0."""
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


@subroutine(types.void(WORDS, WORDS))
def keep_results(table: Any, bases: Any) -> None:
    """Copy what a step gives to the caller's arrays."""
    for k in range(table[RESULTS]):
        at = table[RESULT_START] + 3 * k
        source = bytes_at(bases[UNIFORM_SPACE] + table[at])
        target = bytes_at(bases[table[at + 2]])
        for i in range(table[at + 1]):
            target[i] = source[i]
