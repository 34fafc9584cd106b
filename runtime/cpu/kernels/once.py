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


@subroutine(types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_share(table: Any, at: Any, bases: Any, pointers: Any, thread: Any, threads: Any) -> None:
    """This thread's share of an instruction; all of what is not shared out, on thread 0."""
    firsts = stack_words(1)
    extent, grain = table[at + layout.EXTENT], table[at + layout.GRAIN]
    begin, stop = 0, extent if thread == 0 else 0
    if threads > 1 and grain > 0:
        begin = share_start(extent, grain, thread, threads)
        stop = share_start(extent, grain, thread + 1, threads)
    if begin < stop:
        launch(table, at, bases, pointers, begin, stop, firsts)


@subroutine(types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_once(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """A ONCE phase, instruction by instruction, with those that follow it."""
    at = table[phase + layout.INSTRUCTIONS_START]
    end = at + table[phase + layout.INSTRUCTIONS] * INSTRUCTION
    while at < end:
        if table[at + layout.WAITS] != 0:
            barrier(control, threads)
        followers = table[at + layout.FOLLOWERS]
        if followers > 0:
            run_pieces(table, at, bases, pointers, thread, threads)
        else:
            run_share(table, at, bases, pointers, thread, threads)
        at += (1 + followers) * INSTRUCTION
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
