"""A batch stage whose batch is one block: instructions are cut into sub-tasks."""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.codegen.intrinsics import WORDS, stack_words, words_at
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.barrier import barrier
from gradc_runtime.cpu.interpreter.batch_stage import clear_partials, launch
from gradc_runtime.cpu.interpreter.bytecode import BLOCK_SPACE

NUMBER = kernel_types.int64


@subroutine(kernel_types.void(WORDS, WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER))
def run_parts(
    control: Any, table: Any, phase: Any, bases: Any, pointers: Any, thread: Any, threads: Any
) -> None:
    """Run the sub-tasks that are this thread's.  All threads share the block of thread 0, which
    also runs the instructions that are not cut.
    """
    own = bases[BLOCK_SPACE]
    first = words_at(control[bytecode.BASES])
    bases[BLOCK_SPACE] = first[BLOCK_SPACE]
    if thread == 0:
        clear_partials(table, phase, bases)
    firsts = stack_words(1)
    for i in range(table[phase + bytecode.PARTS]):
        at = table[phase + bytecode.PARTS_START] + i * bytecode.INSTRUCTION
        if table[at + bytecode.WAITS] != 0:
            barrier(control, threads)
        if table[at + bytecode.PART_NUMBER] * threads // table[at + bytecode.PART_OF] == thread:
            begin, end = table[at + bytecode.PART_BEGIN], table[at + bytecode.PART_END]
            launch(table, at, bases, pointers, begin, end, firsts)
    bases[BLOCK_SPACE] = own
    barrier(control, threads)
