"""Columns in blocks: all outer loops go through one packed block of b before the next.

A convolution reads its weights for every row of pixels.  Those of a large one are more than a cache
holds, and as many rows as the weights have columns lie a power of two apart.  So where no outer
loop moves b or adds to y, a strip of columns is packed, for some k1 at a time, and all pixels are
multiplied with it.  A number of y takes the same pieces of its sum in the same order, so packing
changes no bit.  `packed_blocks.py` packs where rows are many; `row_blocks.py` has blocks of dot
products.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import (
    A_K1,
    B_K1,
    B_K2,
    B_LOOP,
    COLUMNS,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    MODE,
    MOST_LOOPS,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS, stack_room, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.multi_index import advance, copy_words, extent_at, set_extents
from gradc_runtime.cpu.gemm.outer_loops import NUMBERS, inner_extents, loops_signature, plain_loops
from gradc_runtime.cpu.gemm.packed_blocks import ROWS, make_pack_columns
from gradc_runtime.cpu.gemm.packed_blocks import TERMS as LEAST

MOST_TERMS, WORTH = MACHINE.packed_strip  # of a strip; rows in all that pay for a copy of it
TERMS = IN_PIECE  # in a piece of the sum


@subroutine(kernel_types.int64(WORDS, *[kernel_types.int64] * 2))
def outer_turns(geometry: Any, examples: Any, m: Any) -> Any:
    """Iterations of the outer loops, if none of them moves b and a product has few rows; else 0.

    Where they add to y, an iteration may add to what others did, and would do so in another order.
    """
    extents, loops = stack_words(MOST_LOOPS), geometry[LOOP_COUNT]
    if geometry[MODE] & 1:
        return 0
    for k in range(loops):
        if geometry[LOOPS + LOOP * k + B_LOOP] != 0:
            return 0
    return set_extents(geometry, LOOPS, loops, extents, examples) if m < ROWS else 0


@subroutine(kernel_types.int64(*[kernel_types.int64] * 3))
def k1_at_once(k1: Any, k2: Any, words: Any) -> Any:
    """How many k1 of a strip there is room for in so many words a column: whole pieces; or 0."""
    step = max(1, TERMS // max(1, min(k2, TERMS)))
    some = words // max(1, k2)
    return min(k1, some) if some >= k1 else some // step * step


def strip_terms(word: int) -> int:
    """Terms of a strip for which there is room."""
    return MOST_TERMS * MACHINE.word_bytes // word


def make_all_turns(word: int, product: Any) -> Any:
    """all_turns(a, i, panel, mode, y, h, geometry, examples, k1, 1): all outer loops around a
    product with one strip of columns, of which so many k1 are packed.
    """
    width = 2 * host().lanes(word)

    @subroutine(loops_signature(word))
    def all_turns(
        a: Any, i: Any, panel: Any, mode: Any, y: Any, h: Any, geometry: Any,
        examples: Any, k1: Any, y_column: Any,
    ) -> None:  # fmt: skip
        _, k2, m, _ = inner_extents(geometry, examples)
        own, loops = stack_words(LOOPS), geometry[LOOP_COUNT]
        copy_words(geometry, own, LOOPS)
        own[B_K1], own[B_K2] = k2 * width, width
        extents, counts = stack_words(MOST_LOOPS), stack_words(MOST_LOOPS)
        turns = set_extents(geometry, LOOPS, loops, extents, examples)
        for _ in range(turns):
            product(a, i, panel, 0, y, h, own, k1, k2, m, width, mode)
            i, _, h = advance(geometry, LOOPS, loops, extents, counts, i, 0, h)

    return all_turns


def make_strip_loops(word: int, product: Any) -> Any:
    """strip_loops(a, i, b, j, y, h, geometry, examples, some, 1): the same, for a strip of which
    `some` k1 are packed at a time.
    """
    width = 2 * host().lanes(word)
    room = stack_room(number_type(word), width * strip_terms(word))
    pack_columns, all_turns = make_pack_columns(word), make_all_turns(word, product)

    @subroutine(loops_signature(word))
    def strip_loops(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        examples: Any, some: Any, y_column: Any,
    ) -> None:  # fmt: skip
        panel, mode = room(), geometry[MODE]
        k1, k2, _, _ = inner_extents(geometry, examples)
        for k in range(0, k1, some):
            part, p = min(some, k1 - k), i + k * geometry[A_K1]
            pack_columns(panel, b, j + k * geometry[B_K1], geometry, part, k2, width)
            all_turns(a, p, panel, mode, y, h, geometry, examples, part, y_column)
            mode |= 1

    return strip_loops


def make_strips_at_once(word: int) -> Any:
    """strips_at_once(geometry, examples): how many k1 of a strip to pack at a time; 0 where it does
    not pay.
    """
    words, width = strip_terms(word), 2 * host().lanes(word)

    @subroutine(kernel_types.int64(WORDS, kernel_types.int64))
    def strips_at_once(geometry: Any, examples: Any) -> Any:
        k1, k2, m, _ = inner_extents(geometry, examples)
        turns = outer_turns(geometry, examples, m)
        if turns < 2 or turns * m < WORTH or k1 * k2 < LEAST or geometry[B_K2] < 4 * width:
            return 0
        return k1_at_once(k1, k2, words)

    return strips_at_once


def column_blocked_loops(word: int, product: Any, a_column: int) -> Any:
    """The outer loops around a `product`, strip by strip of packed columns where that pays; columns
    after the last whole strip are read where they are.
    """
    width, plain = 2 * host().lanes(word), plain_loops(word, product, a_column)
    strips_at_once, strip_loops = make_strips_at_once(word), make_strip_loops(word, product)

    @subroutine(loops_signature(word))
    def run_loops(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        examples: Any, b_column: Any, y_column: Any,
    ) -> None:  # fmt: skip
        some, n = strips_at_once(geometry, examples), extent_at(geometry, COLUMNS, examples)
        if some == 0:
            plain(a, i, b, j, y, h, geometry, examples, b_column, y_column)
            return
        whole, rest = n - n % width, stack_words(NUMBERS)
        for column in range(0, whole, width):
            strip_loops(a, i, b, j + column, y, h + column, geometry, examples, some, y_column)
        if n > whole:
            copy_words(geometry, rest, LOOPS + LOOP * geometry[LOOP_COUNT])
            rest[COLUMNS] = n - whole
            plain(a, i, b, j + whole, y, h + whole, rest, examples, b_column, y_column)

    return run_loops
