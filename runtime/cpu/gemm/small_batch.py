"""Loop interchange for small batches: a longer loop takes the examples' place in a tile.

The compiler makes the examples of a block the rows of a tile (or its columns, or its outer sum),
since a block mostly has eight or more.  With one example the tile would compute one row, where its
registers have room for several.  So if examples are few, their loop is exchanged with a longer
outer loop, such as the one over the pixels of an image.

The exchange depends on the number of examples alone, never on the number of threads (Note [The same
bits on any number of threads] in `runtime/cpu/partition/reduction_chunks.py`).  A loop over
examples has the extent `RANGE`.  Rows that are divided over threads in a serial stage have the
extent `SHARE`, and are never exchanged.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import (
    A_K1,
    A_LOOP,
    A_ROW,
    AFTER_LOOPS,
    B_COLUMN,
    B_K1,
    B_LOOP,
    COLUMNS,
    K1,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    ROWS,
    Y_COLUMN,
    Y_LOOP,
    Y_ROW,
    Extent,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.gemm.multi_index import copy_words

FEW = MACHINE.small_batch  # examples


@subroutine(kernel_types.int64(WORDS, kernel_types.int64))
def longest_loop(geometry: Any, examples: Any) -> Any:
    """Where the longest outer loop that can take the examples' place stands; -1 if none is longer.

    Where examples are the rows of a tile, such a loop must move y past all columns and b not at
    all; where they are the outer sum, it must not move y.
    """
    longest = examples
    chosen = -1
    for k in range(geometry[LOOP_COUNT]):
        at = LOOPS + LOOP * k
        past = geometry[at + B_LOOP] == 0 and geometry[at + Y_LOOP] >= geometry[COLUMNS]
        rows = geometry[ROWS] == Extent.RANGE and past
        terms = geometry[K1] == Extent.RANGE and geometry[at + Y_LOOP] == 0
        if (rows or terms) and geometry[at] > longest:
            longest = geometry[at]
            chosen = at
    return chosen


@subroutine(kernel_types.void(WORDS, WORDS, kernel_types.int64))
def swap_batch_loop(geometry: Any, own: Any, examples: Any) -> None:
    """Copy the geometry of a product to `own`, with the loop over examples and a longer outer loop
    exchanged if there is one.
    """
    copy_words(geometry, own, LOOPS + LOOP * geometry[LOOP_COUNT])
    chosen = longest_loop(geometry, examples)
    if chosen < 0:
        return
    own[chosen] = Extent.RANGE
    if geometry[ROWS] == Extent.RANGE:
        own[ROWS] = geometry[chosen]
        own[A_ROW], own[chosen + A_LOOP] = geometry[chosen + A_LOOP], geometry[A_ROW]
        own[Y_ROW], own[chosen + Y_LOOP] = geometry[chosen + Y_LOOP], geometry[Y_ROW]
    else:
        own[K1] = geometry[chosen]
        own[A_K1], own[chosen + A_LOOP] = geometry[chosen + A_LOOP], geometry[A_K1]
        own[B_K1], own[chosen + B_LOOP] = geometry[chosen + B_LOOP], geometry[B_K1]


@subroutine(kernel_types.int64(WORDS, kernel_types.int64))
def longest_columns(geometry: Any, examples: Any) -> Any:
    """The same where examples are columns with strides: a loop that moves b and y and not a."""
    longest = examples
    chosen = -1
    for k in range(geometry[LOOP_COUNT]):
        at = LOOPS + LOOP * k
        moves = geometry[at + B_LOOP] != 0 and geometry[at + Y_LOOP] != 0
        if moves and geometry[at + A_LOOP] == 0 and geometry[at] > longest:
            longest = geometry[at]
            chosen = at
    return chosen


@subroutine(kernel_types.void(WORDS, WORDS, kernel_types.int64))
def swap_batch_columns(geometry: Any, own: Any, examples: Any) -> None:
    """The same as `swap_batch_loop` for a product whose columns have strides: with one image and
    examples as columns, a matrix of weights would be read again for every pixel.
    """
    after = LOOPS + LOOP * geometry[LOOP_COUNT]
    copy_words(geometry, own, after + AFTER_LOOPS)
    if geometry[COLUMNS] != Extent.RANGE:
        return
    chosen = longest_columns(geometry, examples)
    if chosen < 0:
        return
    own[COLUMNS], own[chosen] = geometry[chosen], Extent.RANGE
    own[after + B_COLUMN], own[after + Y_COLUMN] = (
        geometry[chosen + B_LOOP],
        geometry[chosen + Y_LOOP],
    )
    own[chosen + B_LOOP], own[chosen + Y_LOOP] = (
        geometry[after + B_COLUMN],
        geometry[after + Y_COLUMN],
    )
