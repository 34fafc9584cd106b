"""Covers the rows and columns of a contraction with register tiles, inside its outer loops.

Columns are cut into strips of two vectors, then one; a strip's rows into tiles of three heights.
Long sums are cut so that the strip of b stays in the nearest cache while all rows pass over it.
The outer loops are counted like an odometer.
"""

from __future__ import annotations

from typing import Any

from numba.core import types

from runtime.cpu.intrinsics import WORDS, pointer_reader, stack_words
from runtime.cpu.kernels.common import number_type
from runtime.cpu.kernels.tile import Tile, make_tile
from runtime.cpu.machine import host
from runtime.cpu.subroutine import subroutine

LOOPS = 12  # where the outer loops begin in the geometry
TERMS = 256  # of a sum before the next part of b is taken up


def signature(word: int) -> Any:
    """Of a function of (a, i, b, j, y, h, geometry, k1, k2, rows, columns, add)."""
    pointer = types.CPointer(number_type(word))
    return types.void(*(pointer, types.int64) * 3, WORDS, *[types.int64] * 5)


def heights(vectors: int, lanewise: bool) -> tuple[int, int, int]:
    """Rows of the tall, the middle and the low tile: as many sums as there are registers for."""
    if lanewise:
        return 4, 2, 1
    if vectors == 1 or host().vector_registers > 16:
        return 8, 4, 2
    return 6, 4, 2


def make_strip(word: int, vectors: int, lanewise: bool) -> Any:
    """The function that covers all rows of one strip of columns."""
    tall, middle, low = heights(vectors, lanewise)
    tall_tile = make_tile(Tile(tall, vectors, word, lanewise))
    middle_tile = make_tile(Tile(middle, vectors, word, lanewise))
    low_tile = make_tile(Tile(low, vectors, word, lanewise))

    @subroutine(signature(word))
    def strip(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, columns: Any, add: Any,
    ) -> None:  # fmt: skip
        while m > 0:
            if m > middle and m != 2 * middle:
                n = min(m, tall)
                tall_tile(a, i, b, j, y, h, geometry, k1, k2, n, columns, add)
            elif m > low:
                n = min(m, middle)
                middle_tile(a, i, b, j, y, h, geometry, k1, k2, n, columns, add)
            else:
                n = min(m, low)
                low_tile(a, i, b, j, y, h, geometry, k1, k2, n, columns, add)
            i += n * geometry[3]
            h += n * geometry[4]
            m -= n

    return strip


def make_part(word: int, lanewise: bool) -> Any:
    """The function that covers all columns, for one part of the sum."""
    lanes = host().lanes(word)
    wide_strip = make_strip(word, 2, lanewise)
    narrow_strip = make_strip(word, 1, lanewise)
    a_column = 1 if lanewise else 0

    @subroutine(signature(word))
    def part(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        while n > 0:
            if n >= 2 * lanes:
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


def tiled_kernel(word: int, lanewise: bool) -> Any:
    """`contract_rows`, or `contract_lanes` where a moves with the columns too."""
    reals = pointer_reader(number_type(word))
    part = make_part(word, lanewise)
    a_column = 1 if lanewise else 0

    @subroutine(signature(word))
    def product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        step2 = max(1, min(k2, TERMS))
        step1 = max(1, TERMS // step2)
        for s1 in range(0, k1, step1):
            for s2 in range(0, k2, step2):
                at = i + s1 * geometry[6] + s2 * geometry[9]
                bt = j + s1 * geometry[7] + s2 * geometry[10]
                c1, c2 = min(step1, k1 - s1), min(step2, k2 - s2)
                part(a, at, b, bt, y, h, geometry, c1, c2, m, n, add)
                add = 1

    def contract(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        a = reals(pointers, 0)
        b = reals(pointers, 1)
        y = reals(pointers, 2)
        n, m, k1, k2 = geometry[1], geometry[2], geometry[5], geometry[8]
        i = 0
        j = 0
        h = 0
        if n < 0:
            n = end - begin
            i += begin * a_column
            j += begin
            h += begin
        if m < 0:
            m = end - begin
            i += begin * geometry[3]
            h += begin * geometry[4]
        if k1 < 0:
            k1 = end - begin
            i += begin * geometry[6]
            j += begin * geometry[7]
        if k2 < 0:
            k2 = end - begin
            i += begin * geometry[9]
            j += begin * geometry[10]
        loops = geometry[11]
        extents = stack_words(16)
        count = stack_words(16)
        turns = 1
        for k in range(loops):
            at = LOOPS + 4 * k
            extents[k] = geometry[at]
            count[k] = 0
            if geometry[at] < 0:
                extents[k] = end - begin
                i += begin * geometry[at + 1]
                j += begin * geometry[at + 2]
                h += begin * geometry[at + 3]
            turns *= extents[k]
        for _ in range(turns):
            product(a, i, b, j, y, h, geometry, k1, k2, m, n, geometry[0])
            for k in range(loops - 1, -1, -1):
                at = LOOPS + 4 * k
                count[k] += 1
                i += geometry[at + 1]
                j += geometry[at + 2]
                h += geometry[at + 3]
                if count[k] < extents[k]:
                    break
                count[k] = 0
                i -= extents[k] * geometry[at + 1]
                j -= extents[k] * geometry[at + 2]
                h -= extents[k] * geometry[at + 3]

    return contract
