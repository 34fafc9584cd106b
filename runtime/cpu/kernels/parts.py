"""The examples of a batch that is one block: every product in parts, each on one of the threads."""

from __future__ import annotations

from typing import Any

from runtime.cpu import layout
from runtime.cpu.intrinsics import WORDS, stack_words, words_at
from runtime.cpu.kernels.barrier import barrier
from runtime.cpu.kernels.blocks import clear_partials, launch
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine
from runtime.cpu.layout import BLOCK_SPACE

NUMBER = types.int64


@subroutine(types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_parts(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """All threads work on the block of thread 0, which also does what is not cut."""
    own = bases[BLOCK_SPACE]
    first = words_at(control[layout.BASES])
    bases[BLOCK_SPACE] = first[BLOCK_SPACE]
    if thread == 0:
        clear_partials(table, phase, bases)
    firsts = stack_words(1)
    for i in range(table[phase + layout.PARTS]):
        at = table[phase + layout.PARTS_START] + i * layout.INSTRUCTION
        if table[at + layout.WAITS] != 0:
            barrier(control, threads)
        if table[at + layout.PART_NUMBER] * threads // table[at + layout.PART_OF] == thread:
            begin, end = table[at + layout.PART_BEGIN], table[at + layout.PART_END]
            launch(table, at, bases, pointers, begin, end, firsts)
    bases[BLOCK_SPACE] = own
    barrier(control, threads)
