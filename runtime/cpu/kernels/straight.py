"""All steps of an entry that is one kernel: its operands are looked up once, it goes round itself.

Such an entry is for one thread (see `compiler/schedule/straight.py`).
"""

from __future__ import annotations

from typing import Any

from runtime.cpu import denormals
from runtime.cpu.denormals import get_float_mode, set_float_mode
from runtime.cpu.intrinsics import call_kernel, stack_words, words_at
from runtime.cpu.layout import (
    BASES,
    HEADER,
    MOST_OPERANDS,
    OPERAND,
    SPACES,
    STEPS,
    STRIDES_START,
)


def kernel(word: int) -> Any:
    """`straight(control, table, any, any, any)`; numbers of any width."""
    zeros = denormals.zeros()

    def straight(control: Any, table: Any, thread: Any, unused: Any, spare: Any) -> None:
        mode = get_float_mode()
        set_float_mode(mode | zeros)
        steps = control[STEPS]
        bases = words_at(control[BASES])
        pointers = stack_words(MOST_OPERANDS)
        at = table[HEADER + 1]
        operand = table[at + 1]
        for k in range(table[at + 2]):
            pointers[k] = bases[table[operand]] + table[operand + 1]
            operand += OPERAND
        call_kernel(table[at], pointers, words_at(table[at + 3]), 0, steps, 0)
        for k in range(table[SPACES]):
            bases[k] += steps * table[table[STRIDES_START] + k]
        set_float_mode(mode)

    return straight
