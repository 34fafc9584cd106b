"""A trampoline: calls one kernel by itself in the floating-point mode of a step (flush to zero).

Profiling and tests time and run kernels through it.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.entry import MOST_OPERANDS
from gradc_runtime.cpu.codegen import flush_to_zero
from gradc_runtime.cpu.codegen.flush_to_zero import get_float_mode, set_float_mode
from gradc_runtime.cpu.codegen.intrinsics import call_kernel


def kernel(word: int) -> Any:
    """`alone(...)` calls the kernel whose address stands after the pointers."""
    zeros = flush_to_zero.zeros()

    def alone(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        mode = get_float_mode()
        set_float_mode(mode | zeros)
        call_kernel(pointers[MOST_OPERANDS], pointers, geometry, begin, end, first)
        set_float_mode(mode)

    return alone
