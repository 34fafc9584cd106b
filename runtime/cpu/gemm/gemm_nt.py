"""y[row, column] (+)= sum a[row, k1, k2] * b[column, k1, k2], with a and b contiguous in k2.

Products with a transposed matrix (in BLAS, GEMM NT): dot products of the rows of one with the rows
of the other.  A tile of four rows and two or four columns keeps a vector of partial sums for each
pair, and adds up its lanes at the end, always in the same order.  Rows and columns beyond the last
repeat its work.  Where there are many rows, b is transposed into panels instead (`packing.py`), as
no lanes are to be added up then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.machine.machine import MACHINE
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
    Y_COLUMN,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.intrinsics import I32
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.long_sums import compensated_loops
from gradc_runtime.cpu.gemm.micro_kernel import load_strides, make_tile
from gradc_runtime.cpu.gemm.outer_loops import (
    column_strides,
    contraction_kernel,
    plain_loops,
    product_signature,
    rows_in_all,
)
from gradc_runtime.cpu.gemm.packing import make_panels
from gradc_runtime.cpu.gemm.pairs import WORD
from gradc_runtime.cpu.gemm.rounded import rounded_dots
from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder
from gradc_runtime.cpu.gemm.tile import Tile

ROWS = MACHINE.dots_rows
MANY_ROWS = MACHINE.panel_rows  # for which columns are turned into panels
TURNS = IN_PIECE  # of a register of sums, before they are added up


def sums_of_lanes(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """One vector with the sum of each vector's lanes, in the order of the vectors.

    There are at most as many as lanes: a power of two.  The halves of all are added, then those
    halves' halves; as the sums become fewer lanes, two vectors share one.
    """
    lanes = vectors[0].type.count
    width = lanes
    while width > 1:
        half = width // 2
        starts = [g + o for o in (0, lanes) for g in range(0, lanes, width)]
        low, high = (
            ir.Constant(
                ir.VectorType(I32, lanes), [s + shift + i for s in starts for i in range(half)]
            )
            for shift in (0, half)
        )
        pairs = zip(vectors[::2], vectors[1::2] or vectors, strict=True)
        vectors = [
            builder.fadd(builder.shuffle_vector(p, q, low), builder.shuffle_vector(p, q, high))
            for p, q in pairs
        ]
        width = half
    (sums,) = vectors
    return sums


def load_column_strides(writer: SimdBuilder, geometry: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The strides of b and y that follow the outer loops."""
    builder = writer.builder
    loops = builder.load(writer.at(geometry, writer.constant(LOOP_COUNT)))
    place = builder.add(builder.mul(loops, writer.constant(LOOP)), writer.constant(LOOPS))
    start = writer.at(geometry, place)
    b_column, y_column = (writer.at(start, writer.constant(k)) for k in (B_COLUMN, Y_COLUMN))
    return builder.load(b_column), builder.load(y_column)


def write_dots(tile: Tile, function: ir.Function) -> None:
    """The body of a tile of dot products; its `vectors` are columns."""
    a, b, y, geometry, k1_count, k2_count, rows, columns, add = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    writer = SimdBuilder(tile, builder)
    stride = load_strides(writer, geometry)
    b_column, y_column = load_column_strides(writer, geometry)
    a_rows = writer.offsets(tile.rows, stride["a_row"], rows)
    b_columns = writer.offsets(tile.vectors, b_column, columns)
    y_rows = writer.offsets(tile.rows, stride["y_row"], rows)
    y_columns = writer.offsets(tile.vectors, y_column, columns)
    places = [writer.at(y, row, column) for row in y_rows for column in y_columns]
    lanes = writer.constant(tile.vector.count)
    following = builder.mul(b_column, writer.constant(tile.vectors))  # columns of the next tile
    turns = builder.sdiv(builder.sub(k2_count, writer.constant(1)), lanes)  # but for the last

    def outer(k1: ir.Value, sums: Any) -> Any:
        a1 = writer.at(a, builder.mul(k1, stride["a_k1"]))
        b1 = writer.at(b, builder.mul(k1, stride["b_k1"]))

        def inner(turn: ir.Value, sums: Any) -> Any:
            k2 = builder.mul(turn, lanes)
            left = [writer.read(writer.at(a1, row, k2)) for row in a_rows]
            right = [writer.read(writer.at(b1, column, k2)) for column in b_columns]
            for column in b_columns if tile.rows == 1 else ():
                writer.fetch(writer.at(b1, column, k2, following))
            return [
                [writer.multiply_add(p, q, total) for q, total in zip(right, row, strict=True)]
                for p, row in zip(left, sums, strict=True)
            ]

        sums = writer.loop("k2", turns, sums, inner)
        writer.make_mask(builder.sub(k2_count, builder.mul(turns, lanes)))
        sums = inner(turns, sums)
        writer.mask = None
        return sums

    sums = writer.loop("k1", k1_count, writer.zeros(), outer)
    write_totals(writer, sums, places, add)
    builder.ret_void()


def write_totals(
    writer: SimdBuilder, sums: Any, places: Sequence[ir.Value], mode: ir.Value
) -> None:
    """Add up the lanes of each sum and overwrite y, or add to it.

    All loads come first, for rows may coincide.
    """
    builder, lanes = writer.builder, writer.tile.vector.count
    vectors = [vector for row in writer.divided(sums, mode) for vector in row]
    adds = writer.adds(mode)
    totals = [sums_of_lanes(builder, vectors[k : k + lanes]) for k in range(0, len(vectors), lanes)]
    numbers = []
    for k, place in enumerate(places):
        total = builder.extract_element(totals[k // lanes], ir.Constant(I32, k % lanes))
        numbers.append(builder.select(adds, builder.fadd(total, builder.load(place)), total))
    for place, number in zip(places, numbers, strict=True):
        builder.store(number, place)


def make_piece(word: int, rounds: bool) -> Any:
    """A product whose sums are short enough to be added up in one register for each pair."""
    wide = 4 if host().vector_registers > 16 else 2
    block = make_tile(Tile(ROWS, wide, word, lanewise=True, rounds=rounds), write_dots)
    line = make_tile(Tile(1, ROWS, word, lanewise=True, rounds=rounds), write_dots)
    panels, lanes = make_panels(word, rounds), host().lanes(word)

    @subroutine(product_signature(word))
    def piece(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        b_column, y_column = column_strides(geometry)
        many = rows_in_all(geometry, m) >= MANY_ROWS
        if many and n >= lanes and k1 == 1 and geometry[Y_ROW] == 1:
            whole = n - n % lanes
            panels(a, i, b, j, y, h, geometry, k1, k2, m, whole, add)
            j += whole * b_column
            h += whole * y_column
            n -= whole
        height = ROWS if m > 1 else 1
        width = wide if m > 1 else ROWS
        for row in range(0, m, height):
            ar, yr = i + row * geometry[A_ROW], h + row * geometry[Y_ROW]
            r = min(height, m - row)
            for column in range(0, n, width):
                bt, yt = j + column * b_column, yr + column * y_column
                c = min(width, n - column)
                if m > 1:
                    block(a, ar, b, bt, y, yt, geometry, k1, k2, r, c, add)
                else:
                    line(a, ar, b, bt, y, yt, geometry, k1, k2, r, c, add)

    return piece


def make_product(word: int, rounds: bool = False) -> Any:
    """A product of any size: its sums are cut into such pieces."""
    piece, lanes = make_piece(word, rounds), host().lanes(word)

    @subroutine(product_signature(word))
    def product(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, add: Any,
    ) -> None:  # fmt: skip
        step2 = max(1, min(k2, TURNS * lanes))
        step1 = max(1, TURNS // ((step2 + lanes - 1) // lanes))
        for s1 in range(0, k1, step1):
            for s2 in range(0, k2, step2):
                at = i + s1 * geometry[A_K1] + s2 * geometry[A_K2]
                bt = j + s1 * geometry[B_K1] + s2 * geometry[B_K2]
                c1, c2 = min(step1, k1 - s1), min(step2, k2 - s2)
                piece(a, at, b, bt, y, h, geometry, c1, c2, m, n, add)
                add |= 1

    return product


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    return contraction_kernel(word, plain_loops(word, make_product(word), 0), strided_columns=True)


def compensated_kernel(word: int) -> Any:
    """The same for sums that may be very long."""
    loops = compensated_loops(word, make_product(word), 0)
    return contraction_kernel(word, loops, strided_columns=True)


def rounded_kernel(word: int) -> Any:
    """The kernel that rounds its operands to bfloat16."""
    loops = plain_loops(word, rounded_product(word), 0)
    return contraction_kernel(word, loops, strided_columns=True)


def compensated_rounded_kernel(word: int) -> Any:
    """The same for sums that may be very long."""
    loops = compensated_loops(word, rounded_product(word), 0)
    return contraction_kernel(word, loops, strided_columns=True)


def rounded_product(word: int) -> Any:
    """A product of rounded operands of any size; in pairs only of float32."""
    return rounded_dots() if word == WORD else make_product(word, rounds=True)
