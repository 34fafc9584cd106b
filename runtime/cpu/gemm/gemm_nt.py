"""y[row, column] (+)= sum a[row, k1, k2] * b[column, k1, k2], with a and b contiguous in k2.

Products with a transposed matrix (in BLAS, GEMM NT): dot products of the rows of a with the rows of
b.  A tile of four rows of a and two or four of b keeps a vector of partial sums for each pair, and
adds up the lanes of that vector at the end, always in the same order.  A tile that stands over the
edge of y computes its last row or column several times, and stores the same number each time.

Where a has many rows, b is transposed into panels instead (`packing.py`): then no lanes have to be
added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import (
    A_ROW,
    B_COLUMN,
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
from gradc_runtime.cpu.gemm.packed_dots import make_panels
from gradc_runtime.cpu.gemm.pairs import WORD
from gradc_runtime.cpu.gemm.rounded import rounded_dots
from gradc_runtime.cpu.gemm.row_blocks import row_blocked_loops
from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder
from gradc_runtime.cpu.gemm.sum_pieces import make_sum_of_pieces
from gradc_runtime.cpu.gemm.tile import Tile
from gradc_runtime.cpu.gemm.write_sums import adds, divided

ROWS = MACHINE.dots_rows
MANY_ROWS = MACHINE.panel_rows  # from so many on, b is transposed into panels
STEPS = IN_PIECE  # additions into a vector of sums, before its lanes are added up


def sums_of_lanes(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """One vector whose lane k is the sum of the lanes of the k-th vector, of at most as many.

    The two halves of every vector are added, then the halves of those sums, and so on.  A sum that
    has become half as wide shares a vector with its neighbour.
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
    """The strides of b and y along the columns, which stand behind the outer loops."""
    builder = writer.builder
    loops = builder.load(writer.at(geometry, writer.constant(LOOP_COUNT)))
    place = builder.add(builder.mul(loops, writer.constant(LOOP)), writer.constant(LOOPS))
    start = writer.at(geometry, place)
    b_column, y_column = (writer.at(start, writer.constant(k)) for k in (B_COLUMN, Y_COLUMN))
    return builder.load(b_column), builder.load(y_column)


def write_dots(tile: Tile, function: ir.Function) -> None:
    """The body of a tile's function, of `tile.rows` rows of a and `tile.vectors` rows of b."""
    a, b, y, geometry, k1_count, k2_count, rows, columns, mode = function.args
    writer = SimdBuilder.in_function(tile, function)
    builder, stride = writer.builder, load_strides(writer, geometry)
    b_column, y_column = load_column_strides(writer, geometry)
    a_rows = writer.offsets(tile.rows, stride["a_row"], rows)
    b_columns = writer.offsets(tile.vectors, b_column, columns)
    y_rows = writer.offsets(tile.rows, stride["y_row"], rows)
    y_columns = writer.offsets(tile.vectors, y_column, columns)
    places = [writer.at(y, row, column) for row in y_rows for column in y_columns]
    following = builder.mul(b_column, writer.constant(tile.vectors))  # columns of the next tile

    def add_line(k1: ir.Value, sums: Any) -> Any:
        a1 = writer.at(a, builder.mul(k1, stride["a_k1"]))
        b1 = writer.at(b, builder.mul(k1, stride["b_k1"]))
        return write_line(writer, (a1, a_rows), (b1, b_columns), k2_count, following, sums)

    sums = writer.loop("k1", k1_count, writer.zeros(), add_line)
    write_totals(writer, sums, places, mode)
    builder.ret_void()


Lines = tuple[ir.Value, Sequence[ir.Value]]  # of an operand: a pointer, and where each begins


def write_line(
    writer: SimdBuilder, a: Lines, b: Lines, terms: ir.Value, following: ir.Value, sums: Any
) -> Any:
    """The loop over k2: the sums with the products of all lines of a and b added to them.

    A line has `terms` numbers, of which the last vector is masked.  `following` is the distance to
    the lines of b that the next tile reads; a tile of a single row fetches them.
    """
    builder, lanes = writer.builder, writer.constant(writer.tile.vector.count)
    vectors = builder.sdiv(builder.sub(terms, writer.constant(1)), lanes)  # but for the last

    def add_vector(k: ir.Value, sums: Any) -> Any:
        k2 = builder.mul(k, lanes)
        left, right = (
            [writer.read(writer.at(start, line, k2)) for line in lines] for start, lines in (a, b)
        )
        for line in b[1] if writer.tile.rows == 1 else ():
            writer.fetch(writer.at(b[0], line, k2, following))
        return writer.add_products(left, right, sums)

    sums = writer.loop("k2", vectors, sums, add_vector)
    writer.make_mask(builder.sub(terms, builder.mul(vectors, lanes)))
    sums = add_vector(vectors, sums)
    writer.mask = None
    return sums


def write_totals(
    writer: SimdBuilder, sums: Any, places: Sequence[ir.Value], mode: ir.Value
) -> None:
    """Add up the lanes of each sum, and overwrite y with the totals or add them to it.

    All loads come before the first store: places beyond the edge of y are the last place within it,
    and what is added there one after another would count several times.
    """
    builder, lanes = writer.builder, writer.tile.vector.count
    vectors = [vector for row in divided(writer, sums, mode) for vector in row]
    to_y = adds(writer, mode)
    totals = [sums_of_lanes(builder, vectors[k : k + lanes]) for k in range(0, len(vectors), lanes)]
    numbers = []
    for k, place in enumerate(places):
        total = builder.extract_element(totals[k // lanes], ir.Constant(I32, k % lanes))
        numbers.append(builder.select(to_y, builder.fadd(total, builder.load(place)), total))
    for place, number in zip(places, numbers, strict=True):
        builder.store(number, place)


def make_dots(word: int, rounds: bool) -> Any:
    """The function that covers all rows and columns with tiles of dot products."""
    wide = 4 if host().vector_registers > 16 else 2
    block = make_tile(Tile(ROWS, wide, word, lanewise=True, rounds=rounds), write_dots)
    line = make_tile(Tile(1, ROWS, word, lanewise=True, rounds=rounds), write_dots)

    @subroutine(product_signature(word))
    def dots(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        b_column, y_column = column_strides(geometry)
        height = ROWS if m > 1 else 1
        width = wide if m > 1 else ROWS
        for row in range(0, m, height):
            ar, yr = i + row * geometry[A_ROW], h + row * geometry[Y_ROW]
            r = min(height, m - row)
            for column in range(0, n, width):
                bt, yt, c = j + column * b_column, yr + column * y_column, min(width, n - column)
                if m > 1:
                    block(a, ar, b, bt, y, yt, geometry, k1, k2, r, c, mode)
                else:
                    line(a, ar, b, bt, y, yt, geometry, k1, k2, r, c, mode)

    return dots


def make_piece(word: int, rounds: bool) -> Any:
    """A product whose sums are short enough to stay in one vector register each.

    Of a product with many rows, whole vectors of columns are computed in panels; dot products are
    left for the columns after those, or for all.
    """
    dots, panels, lanes = make_dots(word, rounds), make_panels(word, rounds), host().lanes(word)

    @subroutine(product_signature(word))
    def piece(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        many = rows_in_all(geometry, m) >= MANY_ROWS
        if many and n >= lanes and k1 == 1 and geometry[Y_ROW] == 1:
            b_column, y_column = column_strides(geometry)
            whole = n - n % lanes
            panels(a, i, b, j, y, h, geometry, k1, k2, m, whole, mode)
            j += whole * b_column
            h += whole * y_column
            n -= whole
        dots(a, i, b, j, y, h, geometry, k1, k2, m, n, mode)

    return piece


def make_product(word: int, rounds: bool = False) -> Any:
    """A product of any number of terms."""
    return make_sum_of_pieces(word, make_piece(word, rounds), STEPS, host().lanes(word))


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    loops = row_blocked_loops(word, make_product(word))
    return contraction_kernel(word, loops, strided_columns=True)


def compensated_kernel(word: int) -> Any:
    """The kernel for sums that may be very long."""
    loops = compensated_loops(word, make_product(word), 0)
    return contraction_kernel(word, loops, strided_columns=True)


def rounded_kernel(word: int) -> Any:
    """The kernel that rounds its operands to bfloat16."""
    loops = plain_loops(word, rounded_product(word), 0)
    return contraction_kernel(word, loops, strided_columns=True)


def compensated_rounded_kernel(word: int) -> Any:
    """The kernel that rounds its operands to bfloat16, for sums that may be very long."""
    loops = compensated_loops(word, rounded_product(word), 0)
    return contraction_kernel(word, loops, strided_columns=True)


def rounded_product(word: int) -> Any:
    """A product of operands rounded to bfloat16; those of float32 are packed in pairs."""
    return rounded_dots() if word == WORD else make_product(word, rounds=True)
