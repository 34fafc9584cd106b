"""A strip of columns, covered from its first row to its last by tiles of three heights.

So few rows of the last tile are idle, whatever their number.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradc_compiler.program.kernel_abi import A_ROW, Y_ROW
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.micro_kernel import make_tile
from gradc_runtime.cpu.gemm.outer_loops import product_signature
from gradc_runtime.cpu.gemm.tile import Tile


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


def make_next_height(tall: int, middle: int, low: int) -> Any:
    """next_height(rows): how many of the rows that are left the next tile takes."""
    halved = 2 * middle if tall < 2 * middle else 0  # rows that two middle tiles serve better

    @subroutine(kernel_types.int64(kernel_types.int64))
    def next_height(rows: Any) -> Any:
        if rows > middle and rows != halved:
            return min(rows, tall)
        return min(rows, middle if rows > low else low)

    return next_height


def make_strip(kind: Tile) -> Any:
    """The function that covers all rows of one strip of columns, as wide as a kind of tile."""
    tall, middle, low = heights(kind.vectors, kind.lanewise)
    tall_tile, middle_tile, low_tile = (
        make_tile(replace(kind, rows=height)) for height in (tall, middle, low)
    )
    next_height = make_next_height(tall, middle, low)

    @subroutine(product_signature(kind.word))
    def strip(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, columns: Any, mode: Any,
    ) -> None:  # fmt: skip
        while m > 0:
            n = next_height(m)
            if n > middle:
                tall_tile(a, i, b, j, y, h, geometry, k1, k2, n, columns, mode)
            elif n > low:
                middle_tile(a, i, b, j, y, h, geometry, k1, k2, n, columns, mode)
            else:
                low_tile(a, i, b, j, y, h, geometry, k1, k2, n, columns, mode)
            i, h = i + n * geometry[A_ROW], h + n * geometry[Y_ROW]
            m -= n

    return strip
