"""Contractions with very long sums, added up so that rounding errors stay within their bound.

A product adds its sum into memory in pieces of some hundred terms.  With very many pieces, an early
term would go through too many additions (Note [How long a chain of additions is] in
`compiler/machine/addition_chains.py`).  So the result is computed a tile at a time: some hundred
pieces are added up in a tile of their own, and such sums are added to the result compensated, that
is, together with what rounding loses.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.addition_chains import IN_PIECE, MOST_PIECES, OF_PIECES
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program import kernel_abi
from gradc_compiler.program.kernel_abi import (
    A_K1,
    A_K2,
    A_ROW,
    B_COLUMN,
    B_K1,
    B_K2,
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
from gradc_runtime.cpu.codegen.number_types import number_type
from gradc_runtime.cpu.gemm.multi_index import advance, set_extents
from gradc_runtime.cpu.gemm.outer_loops import inner_extents, loops_signature, plain_loops

TALL, WIDE = MACHINE.long_sum_rows, MACHINE.long_sum_columns  # of a result's tile
AT_ONCE = IN_PIECE * OF_PIECES // 2  # terms that a product is given at once: in so many pieces
NUMBERS = MOST_NUMBERS + 3  # of a geometry
pieces_of = subroutine(kernel_types.int64(*[kernel_types.int64] * 3))(kernel_abi.pieces_of)


@subroutine(kernel_types.int64(WORDS, WORDS))
def sums_last(geometry: Any, own: Any) -> Any:
    """Copy a geometry with the outer loops that do not move y behind the others; how many do."""
    loops = geometry[LOOP_COUNT]
    for k in range(LOOPS):
        own[k] = geometry[k]
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
    """How often a number of y is added to: `pieces` times for every iteration of the outer loops
    that do not move it.
    """
    for k in range(geometry[LOOP_COUNT]):
        if geometry[LOOPS + LOOP * k + Y_LOOP] == 0:
            pieces *= extents[k]
    return pieces


def make_keep(real: Any) -> Any:
    """keep(part, total, rest, words): sums of some pieces are added to compensated ones."""
    pointer, exact = kernel_types.CPointer(real), compensated(real)
    plus, lost = exact["plus"], exact["lost"]

    @subroutine(kernel_types.void(pointer, pointer, pointer, kernel_types.int64))
    def keep(part: Any, total: Any, rest: Any, words: Any) -> None:
        for k in range(words):
            term = plus(part[k], rest[k])
            rest[k] = lost(total[k], term)
            total[k] = plus(total[k], term)

    return keep


def make_store(real: Any) -> Any:
    """store(total, rest, y, h, geometry, rows, columns, mode, y_column): a tile of sums to y."""
    pointer, number = kernel_types.CPointer(real), kernel_types.int64

    @subroutine(kernel_types.void(pointer, pointer, pointer, number, WORDS, *[number] * 4))
    def store(
        total: Any, rest: Any, y: Any, h: Any, geometry: Any,
        rows: Any, columns: Any, mode: Any, y_column: Any,
    ) -> None:  # fmt: skip
        for r in range(rows):
            for c in range(columns):
                value = total[r * WIDE + c] + rest[r * WIDE + c]
                if mode > 1:
                    value = value / real(mode // 2)
                place = h + r * geometry[Y_ROW] + c * y_column
                y[place] = value + y[place] if mode & 1 else value

    return store


def make_turn(real: Any, product: Any) -> Any:
    """turn(a, i, b, j, part, total, rest, own, k1, k2, rows, columns): the terms of a tile in one
    iteration of the outer loops, AT_ONCE of them in a product.
    """
    pointer, number, keep = kernel_types.CPointer(real), kernel_types.int64, make_keep(real)

    @subroutine(kernel_types.void(*(pointer, number) * 2, *[pointer] * 3, WORDS, *[number] * 4))
    def turn(
        a: Any, i: Any, b: Any, j: Any, part: Any, total: Any, rest: Any, own: Any,
        k1: Any, k2: Any, rows: Any, columns: Any,
    ) -> None:  # fmt: skip
        step2 = max(1, min(k2, AT_ONCE))
        step1 = max(1, AT_ONCE // step2)
        for s1 in range(0, k1, step1):
            for s2 in range(0, k2, step2):
                at = i + s1 * own[A_K1] + s2 * own[A_K2]
                bt = j + s1 * own[B_K1] + s2 * own[B_K2]
                c1, c2 = min(step1, k1 - s1), min(step2, k2 - s2)
                product(a, at, b, bt, part, 0, own, c1, c2, rows, columns, 0)
                keep(part, total, rest, rows * WIDE)

    return turn


@subroutine(kernel_types.void(WORDS, WORDS, kernel_types.int64))
def tile_geometry(geometry: Any, own: Any, b_column: Any) -> None:
    """A geometry whose y is a tile of WIDE columns."""
    after = LOOPS + LOOP * geometry[LOOP_COUNT]
    for k in range(after):
        own[k] = geometry[k]
    own[Y_ROW], own[after + B_COLUMN], own[after + Y_COLUMN] = WIDE, b_column, 1


def make_long_product(word: int, product: Any, a_column: int) -> Any:
    """long_product(a, i, b, j, y, h, geometry, k1, k2, rows, columns, mode, b_column, y_column,
    start, sums, extents): all terms of one iteration of the loops that move y.

    `sums` outer loops from `start` of the geometry on do not; `extents` are theirs.
    """
    real = number_type(word)
    pointer, number = kernel_types.CPointer(real), kernel_types.int64
    room, turn, store = stack_room(real, TALL * WIDE), make_turn(real, product), make_store(real)

    @subroutine(kernel_types.void(*(pointer, number) * 3, WORDS, *[number] * 9, WORDS))
    def long_product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any, b_column: Any, y_column: Any,
        start: Any, sums: Any, extents: Any,
    ) -> None:  # fmt: skip
        part, total, rest = room(), room(), room()
        own, counts = stack_words(NUMBERS), stack_words(MOST_LOOPS)
        tile_geometry(geometry, own, b_column)
        turns = 1
        for k in range(sums):
            turns *= extents[k]
        for row in range(0, m, TALL):
            for column in range(0, n, WIDE):
                rows, columns = min(TALL, m - row), min(WIDE, n - column)
                for k in range(TALL * WIDE):
                    part[k], total[k], rest[k] = real(0.0), real(0.0), real(0.0)
                p = i + row * geometry[A_ROW] + column * a_column
                q, z = j + column * b_column, 0
                for _ in range(turns):
                    turn(a, p, b, q, part, total, rest, own, k1, k2, rows, columns)
                    p, q, z = advance(geometry, start, sums, extents, counts, p, q, z)
                place = h + row * geometry[Y_ROW] + column * y_column
                store(total, rest, y, place, geometry, rows, columns, mode, y_column)

    return long_product


def compensated_loops(word: int, product: Any, a_column: int) -> Any:
    """The outer loops; where a number of y would be added to more than MOST_PIECES times, those
    that move y first, and for each all terms of a tile at once.
    """
    plain = plain_loops(word, product, a_column)
    long_product = make_long_product(word, product, a_column)

    @subroutine(loops_signature(word))
    def run_loops(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        examples: Any, b_column: Any, y_column: Any,
    ) -> None:  # fmt: skip
        k1, k2, m, n = inner_extents(geometry, examples)
        loops = geometry[LOOP_COUNT]
        extents, counts = stack_words(MOST_LOOPS), stack_words(MOST_LOOPS)
        set_extents(geometry, LOOPS, loops, extents, examples)
        if additions(geometry, extents, pieces_of(k1, k2, IN_PIECE)) <= MOST_PIECES:
            plain(a, i, b, j, y, h, geometry, examples, b_column, y_column)
            return
        ordered, of_sums = stack_words(NUMBERS), stack_words(MOST_LOOPS)
        moving = sums_last(geometry, ordered)
        start, mode = LOOPS + LOOP * moving, geometry[MODE]
        turns = set_extents(ordered, LOOPS, moving, extents, examples)
        set_extents(ordered, start, loops - moving, of_sums, examples)
        for _ in range(turns):
            long_product(
                a, i, b, j, y, h, ordered, k1, k2, m, n, mode, b_column, y_column,
                start, loops - moving, of_sums,
            )  # fmt: skip
            i, j, h = advance(ordered, LOOPS, moving, extents, counts, i, j, h)

    return run_loops
