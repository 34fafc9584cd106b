"""The examples of a batch that is one block: every product in parts, each on one of the threads."""

from __future__ import annotations

from typing import Any

from runtime.cpu.intrinsics import WORDS, bytes_at, stack_words, words_at
from runtime.cpu.kernels.barrier import barrier
from runtime.cpu.kernels.blocks import launch
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine
from runtime.cpu.layout import (
    BASES,
    BLOCK_SPACE,
    EXAMPLES,
    INSTRUCTION,
    PARTIAL_BYTES,
    PARTIAL_SPACE,
)

NUMBER = types.int64


@subroutine(types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_parts(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """All threads work on the block of thread 0, which also does what is not cut."""
    own = bases[BLOCK_SPACE]
    first = words_at(control[BASES])
    bases[BLOCK_SPACE] = first[BLOCK_SPACE]
    if thread == 0 and table[phase + 3] != 0:
        partial = bytes_at(bases[PARTIAL_SPACE])
        for i in range(table[PARTIAL_BYTES]):
            partial[i] = 0
    firsts = stack_words(1)
    for i in range(table[phase + 7]):
        at = table[phase + 6] + i * INSTRUCTION
        if table[at + 6] != 0:
            barrier(control, threads)
        if table[at + 4] * threads // table[at + 5] == thread:
            launch(table, at, bases, pointers, 0, table[EXAMPLES], firsts)
    bases[BLOCK_SPACE] = own
    barrier(control, threads)
