"""All steps of an entry that is one kernel: its operands are looked up once, it goes round itself.

Such an entry is for one thread (see `compiler/schedule/straight.py`).
"""

from __future__ import annotations

from typing import Any

from compiler.entry import MOST_OPERANDS
from runtime.cpu import denormals, layout
from runtime.cpu.denormals import get_float_mode, set_float_mode
from runtime.cpu.intrinsics import call_kernel, stack_words, words_at


def kernel(word: int) -> Any:
    """`straight(control, table, any, any, any)`; numbers of any width."""
    zeros = denormals.zeros()

    def straight(control: Any, table: Any, thread: Any, unused: Any, spare: Any) -> None:
        mode = get_float_mode()
        set_float_mode(mode | zeros)
        steps = control[layout.STEPS]
        bases = words_at(control[layout.BASES])
        pointers = stack_words(MOST_OPERANDS)
        at = table[layout.HEADER + layout.INSTRUCTIONS_START]
        operand = table[at + layout.OPERANDS_START]
        for k in range(table[at + layout.OPERANDS]):
            base = bases[table[operand + layout.OPERAND_SPACE]]
            pointers[k] = base + table[operand + layout.OPERAND_START]
            operand += layout.OPERAND
        geometry = words_at(table[at + layout.GEOMETRY_AT])
        call_kernel(table[at + layout.KERNEL], pointers, geometry, 0, steps, 0)
        for k in range(table[layout.SPACES]):
            bases[k] += steps * table[table[layout.STRIDES_START] + k]
        set_float_mode(mode)

    return straight
