"""Which loops a tile takes, where there are only a few examples.

The schedule lets the examples be a tile's rows, or its outer sum, as a block mostly has eight or
more.  A block of one example would leave the tile one row: then pixels are better, and the examples
go round outside.  What changes places depends on the number of examples alone, never on threads:
rows that threads share among them have another mark than -1.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.kernel_abi import (
    A_K1,
    A_LOOP,
    A_ROW,
    B_K1,
    B_LOOP,
    COLUMNS,
    K1,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    ROWS,
    Y_LOOP,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine

FEW = 8  # examples


@subroutine(kernel_types.void(WORDS, WORDS, kernel_types.int64))
def swap_batch_loop(geometry: Any, own: Any, examples: Any) -> None:
    """Copy a geometry to `own`, where a longer outer loop changes places with the examples.

    As rows: one that moves y past all columns, and b not at all.  As the outer sum: one that leaves
    y where it is.
    """
    loops = geometry[LOOP_COUNT]
    for k in range(LOOPS + LOOP * loops):
        own[k] = geometry[k]
    longest = examples
    chosen = -1
    for k in range(loops):
        at = LOOPS + LOOP * k
        past = geometry[at + B_LOOP] == 0 and geometry[at + Y_LOOP] >= geometry[COLUMNS]
        rows = geometry[ROWS] == -1 and past
        terms = geometry[K1] == -1 and geometry[at + Y_LOOP] == 0
        if (rows or terms) and geometry[at] > longest:
            longest = geometry[at]
            chosen = at
    if chosen < 0:
        return
    own[chosen] = -1
    if geometry[ROWS] == -1:
        own[ROWS] = longest
        own[A_ROW], own[chosen + A_LOOP] = geometry[chosen + A_LOOP], geometry[A_ROW]
        own[Y_ROW], own[chosen + Y_LOOP] = geometry[chosen + Y_LOOP], geometry[Y_ROW]
    else:
        own[K1] = longest
        own[A_K1], own[chosen + A_LOOP] = geometry[chosen + A_LOOP], geometry[A_K1]
        own[B_K1], own[chosen + B_LOOP] = geometry[chosen + B_LOOP], geometry[B_K1]
