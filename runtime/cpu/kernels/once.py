"""What a step does once in the walker: updates, shared out over threads, and its results."""

from __future__ import annotations

from typing import Any

from runtime.cpu import layout
from runtime.cpu.intrinsics import WORDS, bytes_at, stack_words
from runtime.cpu.kernels.barrier import barrier
from runtime.cpu.kernels.blocks import launch
from runtime.cpu.kernels.common import share_start
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine
from runtime.cpu.layout import INSTRUCTION, LEAST_PIECE, MOST_PIECE, PIECE, PIECE_OF_EXAMPLE

NUMBER = types.int64


@subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_pieces(
    table: Any, leader: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """An instruction with those that follow it, piece by piece.

    What only they read is written over the thread's first piece again and again: in the cache.
    """
    firsts = stack_words(2)
    extent, unit = table[leader + layout.EXTENT], table[leader + layout.GRAIN]
    words = table[leader + INSTRUCTION + layout.GRAIN]
    begin = share_start(extent, unit, thread, threads)
    end = share_start(extent, unit, thread + 1, threads)
    first = begin
    most = max(LEAST_PIECE, min(MOST_PIECE, PIECE_OF_EXAMPLE * table[layout.EXAMPLES]))
    while begin < end:
        pieces = ((end - begin) * words + most - 1) // most
        rows = ((end - begin) // pieces + unit - 1) // unit * unit
        stop = min(end, begin + max(unit, rows))
        firsts[PIECE] = first
        launch(table, leader, bases, pointers, begin, stop, firsts)
        firsts[PIECE] = first * words
        for i in range(1, 1 + table[leader + layout.FOLLOWERS]):
            at = leader + i * INSTRUCTION
            launch(table, at, bases, pointers, begin * words, stop * words, firsts)
        begin = stop


@subroutine(types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_once(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """A ONCE phase: this thread's share of what is split, and all else on thread 0."""
    firsts = stack_words(1)
    start = table[phase + layout.INSTRUCTIONS_START]
    end = start + table[phase + layout.INSTRUCTIONS] * INSTRUCTION
    at = start - INSTRUCTION
    while at + INSTRUCTION < end:
        at += INSTRUCTION
        if table[at + layout.WAITS] != 0:
            barrier(control, threads)
        extent = table[at + layout.EXTENT]
        grain = table[at + layout.GRAIN]
        if table[at + layout.FOLLOWERS] > 0:
            run_pieces(table, at, bases, pointers, thread, threads)
            at += table[at + layout.FOLLOWERS] * INSTRUCTION
            continue
        if threads == 1 or grain == 0:
            if thread == 0:
                launch(table, at, bases, pointers, 0, extent, firsts)
            continue
        begin = share_start(extent, grain, thread, threads)
        stop = share_start(extent, grain, thread + 1, threads)
        if begin < stop:
            launch(table, at, bases, pointers, begin, stop, firsts)
    barrier(control, threads)


@subroutine(types.void(WORDS, WORDS))
def keep_results(table: Any, bases: Any) -> None:
    """Copy what a step gives to the caller's arrays."""
    for k in range(table[layout.RESULTS]):
        at = table[layout.RESULTS_START] + k * layout.RESULT
        source = bytes_at(bases[layout.UNIFORM_SPACE] + table[at + layout.RESULT_UNIFORM])
        target = bytes_at(bases[table[at + layout.RESULT_SPACE]])
        for i in range(table[at + layout.RESULT_BYTES]):
            target[i] = source[i]
