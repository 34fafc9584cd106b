"""The macro-kernel: covers all rows and columns of a product with tiles of the micro-kernel.

The sum is cut into parts, so that as much of b as a strip of columns needs for one part stays in
the nearest cache while all rows pass over it.  Columns are cut into strips two vectors wide, and
one vector at the end; the rows of a strip into tiles of three heights, so that few of a tile's rows
are idle whatever their number.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import A_K1, A_K2, A_ROW, B_K1, B_K2, LOOPS, Y_ROW
from gradc_runtime.cpu.codegen.intrinsics import stack_room, stack_words
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.micro_kernel import make_first_tile, make_tile
from gradc_runtime.cpu.gemm.outer_loops import contraction_kernel, product_signature
from gradc_runtime.cpu.gemm.rank1 import write_outer_product
from gradc_runtime.cpu.gemm.tile import Tile

TERMS = IN_PIECE  # of a sum before the next part of b is taken up
FLAT = MACHINE.flat_tile  # vectors of a tile that is a single row
WORTH_PACKING = MACHINE.packed_rows  # rows for which a strip of b is copied


def heights(vectors: int, lanewise: bool) -> tuple[int, int, int]:
    """Rows of the tall, the middle and the low tile; the sums of all fit into the processor's
    vector registers, beside a row of b and a number of a.
    """
    if lanewise:
        return 4, 2, 1
    if vectors == 1 and host().vector_registers > 16:
        return 16, 8, 4
    if vectors == 1 or host().vector_registers > 16:
        return 8, 4, 2
    return 6, 4, 2


def make_strip(kind: Tile) -> Any:
    """The function that covers all rows of one strip of columns, as wide as a kind of tile."""
    tall, middle, low = heights(kind.vectors, kind.lanewise)
    tall_tile, middle_tile, low_tile = (
        make_tile(replace(kind, rows=height)) for height in (tall, middle, low)
    )
    halved = 2 * middle if tall < 2 * middle else 0  # rows that two middle tiles serve better

    @subroutine(product_signature(kind.word))
    def strip(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, columns: Any, add: Any,
    ) -> None:  # fmt: skip
        while m > 0:
            if m > middle and m != halved:
                n = min(m, tall)
                tall_tile(a, i, b, j, y, h, geometry, k1, k2, n, columns, add)
            elif m > low:
                n = min(m, middle)
                middle_tile(a, i, b, j, y, h, geometry, k1, k2, n, columns, add)
            else:
                n = min(m, low)
                low_tile(a, i, b, j, y, h, geometry, k1, k2, n, columns, add)
            i += n * geometry[A_ROW]
            h += n * geometry[Y_ROW]
            m -= n

    return strip


def make_packed_strip(kind: Tile) -> Any:
    """The wide strip, which packs b where many rows pass over it: the first tile copies its part.

    In a wide matrix the vectors of a strip lie so far apart that they push one another out of the
    cache.  A copy, in which they follow one another, changes no bit of the result.
    """
    width = 2 * host().lanes(kind.word)
    tall = heights(2, kind.lanewise)[0]
    room = stack_room(number_type(kind.word), TERMS * width)
    first_tile = make_first_tile(replace(kind, rows=tall, copies=True))
    wide_strip = make_strip(kind)

    @subroutine(product_signature(kind.word))
    def packed_strip(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, columns: Any, add: Any,
    ) -> None:  # fmt: skip
        if m >= WORTH_PACKING and geometry[B_K2] >= 4 * width:
            panel = room()
            first_tile(a, i, b, j, y, h, geometry, k1, k2, tall, columns, add, panel)
            strides = stack_words(LOOPS)
            for k in range(LOOPS):
                strides[k] = geometry[k]
            strides[B_K1], strides[B_K2] = k2 * width, width
            i += tall * geometry[A_ROW]
            h += tall * geometry[Y_ROW]
            m -= tall
            b, j, geometry = panel, 0, strides
        wide_strip(a, i, b, j, y, h, geometry, k1, k2, m, columns, add)

    return packed_strip


def make_part(kind: Tile) -> Any:
    """The function that covers all columns, for one part of the sum."""
    word, lanes = kind.word, host().lanes(kind.word)
    wide_strip = make_packed_strip(replace(kind, vectors=2))
    narrow_strip = make_strip(replace(kind, vectors=1))
    flat_tile = make_tile(replace(kind, rows=1, vectors=FLAT))
    a_column = int(kind.lanewise)

    @subroutine(product_signature(word))
    def part(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        while n > 0:
            if m == 1 and n >= FLAT * lanes:
                w = FLAT * lanes
                flat_tile(a, i, b, j, y, h, geometry, k1, k2, m, w, add)
            elif n >= 2 * lanes:
                w = 2 * lanes
                wide_strip(a, i, b, j, y, h, geometry, k1, k2, m, w, add)
            else:
                w = min(n, lanes)
                narrow_strip(a, i, b, j, y, h, geometry, k1, k2, m, w, add)
            i += w * a_column
            j += w
            h += w
            n -= w

    return part


def tiled_kernel(kind: Tile, loops: Any) -> Any:
    """`contract_rows`, or `contract_lanes` where a moves with the columns too, out of a kind of
    tile; `loops` are those that go around a product.
    """
    word, a_column = kind.word, int(kind.lanewise)
    plain = not kind.lanewise and not kind.rounds
    part = make_part(kind)
    outer_product = make_tile(Tile(1, 4, word), write_outer_product)

    @subroutine(product_signature(word))
    def product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        if plain and k1 * k2 == 1 and add & 1 == 0:
            outer_product(a, i, b, j, y, h, geometry, k1, k2, m, n, add)
            return
        step2 = max(1, min(k2, TERMS))
        step1 = max(1, TERMS // step2)
        for s1 in range(0, k1, step1):
            for s2 in range(0, k2, step2):
                at = i + s1 * geometry[A_K1] + s2 * geometry[A_K2]
                bt = j + s1 * geometry[B_K1] + s2 * geometry[B_K2]
                c1, c2 = min(step1, k1 - s1), min(step2, k2 - s2)
                part(a, at, b, bt, y, h, geometry, c1, c2, m, n, add)
                add |= 1

    return contraction_kernel(word, loops(word, product, a_column), a_column)
