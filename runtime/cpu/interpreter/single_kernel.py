"""Runs an entry that is a single whole-step kernel (`compiler/whole_step/whole_step.py`).

The kernel has its own loop over the steps, so its operands are looked up once a call, and no
bytecode is read between steps.  Such an entry runs on one thread.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.entry import MOST_OPERANDS
from gradc_runtime.cpu.codegen import flush_to_zero
from gradc_runtime.cpu.codegen.flush_to_zero import get_float_mode, set_float_mode
from gradc_runtime.cpu.codegen.intrinsics import call_kernel, stack_words, words_at
from gradc_runtime.cpu.interpreter import bytecode


def kernel(word: int) -> Any:
    """`straight(control, table, any, any, any)`; numbers of any width."""
    zeros = flush_to_zero.zeros()

    def straight(control: Any, table: Any, thread: Any, unused: Any, spare: Any) -> None:
        mode = get_float_mode()
        set_float_mode(mode | zeros)
        steps = control[bytecode.STEPS]
        bases = words_at(control[bytecode.BASES])
        pointers = stack_words(MOST_OPERANDS)
        at = table[bytecode.HEADER + bytecode.INSTRUCTIONS_START]
        operand = table[at + bytecode.OPERANDS_START]
        for k in range(table[at + bytecode.OPERANDS]):
            base = bases[table[operand + bytecode.OPERAND_SPACE]]
            pointers[k] = base + table[operand + bytecode.OPERAND_START]
            operand += bytecode.OPERAND
        geometry = words_at(table[at + bytecode.GEOMETRY_AT])
        call_kernel(table[at + bytecode.KERNEL], pointers, geometry, 0, steps, 0)
        for k in range(table[bytecode.SPACES]):
            bases[k] += steps * table[table[bytecode.STRIDES_START] + k]
        set_float_mode(mode)

    return straight
