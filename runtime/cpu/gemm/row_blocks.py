"""Rows of dot products in blocks: all outer loops go through one block before the next.

The weights of a large convolution are more than a cache holds, and every pixel reads all of them.
With the loops over pixels outside, the weights would come from memory once for every pixel.  So a
block of their rows stays in the cache while all pixels are multiplied with it.  Each sum takes the
same terms in the same order.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import (
    A_LOOP,
    A_ROW,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    MODE,
    MOST_LOOPS,
    ROWS_IN_ALL,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.multi_index import advance, set_extents
from gradc_runtime.cpu.gemm.outer_loops import inner_extents, loops_signature

ROWS = MACHINE.dots_rows  # of a tile
BLOCK = MACHINE.dots_block  # words of the rows that are read again and again


def make_rows_at_once(word: int) -> Any:
    """rows_at_once(geometry, turns, k1, k2, rows, columns): how many rows of a the outer loops go
    through at once.

    Rows are cut into blocks only if nothing else is read again and again: if no outer loop moves a,
    and b is not transposed.
    """
    lanes = host().lanes(word)

    @subroutine(kernel_types.int64(WORDS, *[kernel_types.int64] * 5))
    def rows_at_once(geometry: Any, turns: Any, k1: Any, k2: Any, m: Any, n: Any) -> Any:
        loops = geometry[LOOP_COUNT]
        if turns == 1 or geometry[LOOPS + LOOP * loops + ROWS_IN_ALL] < 0:
            return max(m, 1)
        if k1 == 1 and n >= lanes:
            return max(m, 1)
        for k in range(loops):
            if geometry[LOOPS + LOOP * k + A_LOOP] != 0:
                return max(m, 1)
        return max(ROWS, BLOCK // max(1, k1 * k2) // ROWS * ROWS)

    return rows_at_once


def row_blocked_loops(word: int, product: Any) -> Any:
    """The outer loops in the order of the geometry around a `product`, for some rows at a time."""
    rows_at_once = make_rows_at_once(word)

    @subroutine(loops_signature(word))
    def run_loops(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        examples: Any, b_column: Any, y_column: Any,
    ) -> None:  # fmt: skip
        k1, k2, m, n = inner_extents(geometry, examples)
        loops = geometry[LOOP_COUNT]
        extents, counts = stack_words(MOST_LOOPS), stack_words(MOST_LOOPS)
        turns = set_extents(geometry, LOOPS, loops, extents, examples)
        block = rows_at_once(geometry, turns, k1, k2, m, n)
        for row in range(0, m, block):
            p, q, r = i + row * geometry[A_ROW], j, h + row * geometry[Y_ROW]
            rows = min(block, m - row)
            for _ in range(turns):
                product(a, p, b, q, y, r, geometry, k1, k2, rows, n, geometry[MODE])
                p, q, r = advance(geometry, LOOPS, loops, extents, counts, p, q, r)

    return run_loops
