"""Contractions with very long sums, added up so that rounding errors stay within their bound.

A product adds its sum into memory in pieces of some hundred terms.  With very many pieces, an early
term would go through too many additions (Note [How long a chain of additions is] in
`compiler/machine/addition_chains.py`).  So the result is computed a tile at a time, from three
arrays as large as the tile: the sum of some hundred pieces; the total of all such sums so far; and
what rounding has lost of that total, which is added to the next sum (`codegen/compensated.py`).
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.addition_chains import IN_PIECE, MOST_PIECES, OF_PIECES
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program import kernel_abi
from gradc_compiler.program.kernel_abi import (
    A_ROW,
    AFTER_LOOPS,
    B_COLUMN,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    MODE,
    MOST_LOOPS,
    MOST_NUMBERS,
    Y_COLUMN,
    Y_LOOP,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.compensated import compensated
from gradc_runtime.cpu.codegen.intrinsics import WORDS, stack_room, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type, pointer_type
from gradc_runtime.cpu.gemm.multi_index import advance, copy_words, set_extents
from gradc_runtime.cpu.gemm.outer_loops import (
    inner_extents,
    loops_signature,
    plain_loops,
    product_signature,
)
from gradc_runtime.cpu.gemm.sum_pieces import make_sum_of_pieces

TALL, WIDE = MACHINE.long_sum_rows, MACHINE.long_sum_columns  # of a tile of y
TOTAL, REST = TALL * WIDE, 2 * TALL * WIDE  # where a tile's arrays begin, after its newest sums
ARRAYS = 3 * TALL * WIDE  # numbers of all three
AT_ONCE = IN_PIECE * OF_PIECES // 2  # terms of a sum before it goes into the total
NUMBERS = MOST_NUMBERS + AFTER_LOOPS  # of a geometry
NUMBER = kernel_types.int64
pieces_of = subroutine(kernel_types.int64(*[kernel_types.int64] * 3))(kernel_abi.pieces_of)


@subroutine(kernel_types.int64(WORDS, WORDS))
def sums_last(geometry: Any, own: Any) -> Any:
    """Copy a geometry so that the outer loops that do not move y, which are sums, stand behind the
    others; the result is the number of those others.
    """
    loops = geometry[LOOP_COUNT]
    copy_words(geometry, own, LOOPS)
    at = LOOPS
    moving = 0
    for kind in range(2):
        for k in range(LOOPS, LOOPS + LOOP * loops, LOOP):
            if (geometry[k + Y_LOOP] == 0) == (kind == 1):
                for part in range(LOOP):
                    own[at + part] = geometry[k + part]
                at += LOOP
                moving += 1 - kind
    for part in range(2):
        own[at + part] = geometry[at + part]
    return moving


@subroutine(kernel_types.int64(WORDS, WORDS, kernel_types.int64))
def additions(geometry: Any, extents: Any, pieces: Any) -> Any:
    """How often a number of y is added to: `pieces` times in every iteration of the outer loops
    that do not move y.
    """
    for k in range(geometry[LOOP_COUNT]):
        if geometry[LOOPS + LOOP * k + Y_LOOP] == 0:
            pieces *= extents[k]
    return pieces


def make_keep(real: Any) -> Any:
    """keep(tile, words): the newest sums of a tile go into its totals."""
    pointer, exact = kernel_types.CPointer(real), compensated(real)
    plus, lost = exact["plus"], exact["lost"]

    @subroutine(kernel_types.void(pointer, kernel_types.int64))
    def keep(tile: Any, words: Any) -> None:
        for k in range(words):
            term = plus(tile[k], tile[REST + k])
            tile[REST + k] = lost(tile[TOTAL + k], term)
            tile[TOTAL + k] = plus(tile[TOTAL + k], term)

    return keep


def make_store(real: Any) -> Any:
    """store(tile, y, h, geometry, rows, columns, mode, y_column): the totals of a tile to y."""
    pointer, number = kernel_types.CPointer(real), kernel_types.int64

    @subroutine(kernel_types.void(pointer, pointer, number, WORDS, *[number] * 4))
    def store(
        tile: Any, y: Any, h: Any, geometry: Any, rows: Any, columns: Any, mode: Any, y_column: Any
    ) -> None:
        for r in range(rows):
            for c in range(columns):
                at = r * WIDE + c
                value = tile[TOTAL + at] + tile[REST + at]
                if mode > 1:
                    value = value / real(mode // 2)
                place = h + r * geometry[Y_ROW] + c * y_column
                y[place] = value + y[place] if mode & 1 else value

    return store


def make_kept_sum(word: int, product: Any) -> Any:
    """A product whose y is the arrays of a tile: all its terms go into the totals."""
    keep = make_keep(number_type(word))

    @subroutine(product_signature(word))
    def kept(
        a: Any, i: Any, b: Any, j: Any, tile: Any, h: Any, own: Any,
        k1: Any, k2: Any, rows: Any, columns: Any, mode: Any,
    ) -> None:  # fmt: skip
        product(a, i, b, j, tile, 0, own, k1, k2, rows, columns, 0)
        keep(tile, rows * WIDE)

    return make_sum_of_pieces(word, kept, AT_ONCE)


@subroutine(kernel_types.void(WORDS, WORDS, kernel_types.int64))
def tile_geometry(geometry: Any, own: Any, b_column: Any) -> None:
    """Copy a geometry to `own`, where y is a tile of WIDE columns."""
    after = LOOPS + LOOP * geometry[LOOP_COUNT]
    copy_words(geometry, own, after)
    own[Y_ROW], own[after + B_COLUMN], own[after + Y_COLUMN] = WIDE, b_column, 1


def make_long_tile(word: int, product: Any) -> Any:
    """long_tile(a, i, b, j, tile, own, k1, k2, rows, columns, start, sums, extents): the totals of
    one tile of y, over all iterations of the `sums` outer loops that begin at `start` of `own`.
    """
    pointer, kept_sum, zero = pointer_type(word), make_kept_sum(word, product), number_type(word)(0)

    @subroutine(kernel_types.void(*(pointer, NUMBER) * 2, pointer, WORDS, *[NUMBER] * 6, WORDS))
    def long_tile(
        a: Any, i: Any, b: Any, j: Any, tile: Any, own: Any,
        k1: Any, k2: Any, rows: Any, columns: Any, start: Any, sums: Any, extents: Any,
    ) -> None:  # fmt: skip
        counts = stack_words(MOST_LOOPS)
        turns = 1
        for k in range(sums):
            turns *= extents[k]
        for k in range(ARRAYS):
            tile[k] = zero
        h = 0
        for _ in range(turns):
            kept_sum(a, i, b, j, tile, 0, own, k1, k2, rows, columns, 0)
            i, j, h = advance(own, start, sums, extents, counts, i, j, h)

    return long_tile


def make_long_product(word: int, product: Any, a_column: int) -> Any:
    """long_product(a, i, b, j, y, h, geometry, k1, k2, rows, columns, mode, b_column, y_column,
    start, sums, extents): all terms of y in one iteration of the loops that move it, tile by tile.
    """
    room, store = stack_room(number_type(word), ARRAYS), make_store(number_type(word))
    pointer, long_tile = pointer_type(word), make_long_tile(word, product)

    @subroutine(kernel_types.void(*(pointer, NUMBER) * 3, WORDS, *[NUMBER] * 9, WORDS))
    def long_product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any, b_column: Any, y_column: Any,
        start: Any, sums: Any, extents: Any,
    ) -> None:  # fmt: skip
        tile, own = room(), stack_words(NUMBERS)
        tile_geometry(geometry, own, b_column)
        for row in range(0, m, TALL):
            for column in range(0, n, WIDE):
                rows, columns = min(TALL, m - row), min(WIDE, n - column)
                p = i + row * geometry[A_ROW] + column * a_column
                q = j + column * b_column
                long_tile(a, p, b, q, tile, own, k1, k2, rows, columns, start, sums, extents)
                place = h + row * geometry[Y_ROW] + column * y_column
                store(tile, y, place, geometry, rows, columns, mode, y_column)

    return long_product


def make_ordered_loops(word: int, product: Any, a_column: int) -> Any:
    """The outer loops that move y, around all terms of y by way of `long_product`."""
    long_product = make_long_product(word, product, a_column)

    @subroutine(loops_signature(word))
    def ordered_loops(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        examples: Any, b_column: Any, y_column: Any,
    ) -> None:  # fmt: skip
        k1, k2, m, n = inner_extents(geometry, examples)
        ordered, counts = stack_words(NUMBERS), stack_words(MOST_LOOPS)
        extents, of_sums = stack_words(MOST_LOOPS), stack_words(MOST_LOOPS)
        moving = sums_last(geometry, ordered)
        start, sums = LOOPS + LOOP * moving, geometry[LOOP_COUNT] - moving
        turns = set_extents(ordered, LOOPS, moving, extents, examples)
        set_extents(ordered, start, sums, of_sums, examples)
        for _ in range(turns):
            long_product(
                a, i, b, j, y, h, ordered, k1, k2, m, n, geometry[MODE], b_column, y_column,
                start, sums, of_sums,
            )  # fmt: skip
            i, j, h = advance(ordered, LOOPS, moving, extents, counts, i, j, h)

    return ordered_loops


def compensated_loops(word: int, product: Any, a_column: int) -> Any:
    """The outer loops of a product: as they are, unless a number of y would be added to more than
    MOST_PIECES times.
    """
    plain = plain_loops(word, product, a_column)
    ordered = make_ordered_loops(word, product, a_column)

    @subroutine(loops_signature(word))
    def run_loops(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        examples: Any, b_column: Any, y_column: Any,
    ) -> None:  # fmt: skip
        k1, k2, _, _ = inner_extents(geometry, examples)
        extents = stack_words(MOST_LOOPS)
        set_extents(geometry, LOOPS, geometry[LOOP_COUNT], extents, examples)
        if additions(geometry, extents, pieces_of(k1, k2, IN_PIECE)) <= MOST_PIECES:
            plain(a, i, b, j, y, h, geometry, examples, b_column, y_column)
        else:
            ordered(a, i, b, j, y, h, geometry, examples, b_column, y_column)

    return run_loops
