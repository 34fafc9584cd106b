"""The product of two vectors, row by row: a sum of one term needs no tile.

    y[r, c] = a[r] * b[c]

The gradient of a matrix on a single example is such a product (in BLAS, GER).  Each row of y is
written from its beginning to its end, so that memory is written in order.
"""

from __future__ import annotations

from llvmlite import ir

from gradc_runtime.cpu.gemm.micro_kernel import load_strides
from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder
from gradc_runtime.cpu.gemm.tile import Tile
from gradc_runtime.cpu.gemm.write_sums import divided


def write_outer_product(tile: Tile, function: ir.Function) -> None:
    """The body of the function that writes all rows, each from its beginning to its end."""
    a, b, y, geometry, _, _, rows, columns, mode = function.args
    writer = SimdBuilder.in_function(tile, function)
    builder, stride = writer.builder, load_strides(writer, geometry)
    several, after, rest = divide_columns(writer, columns)

    def row(r: ir.Value) -> None:
        single = builder.load(writer.at(a, builder.mul(r, stride["a_row"])))
        [[factor]] = divided(writer, [[writer.splat(single, tile.vector)]], mode)
        target = writer.at(y, builder.mul(r, stride["y_row"]))

        def vectors(k: ir.Value) -> None:
            write_vectors(writer, factor, b, target, k)

        def vector(k: ir.Value) -> None:
            at = builder.add(after, builder.mul(k, writer.constant(tile.vector.count)))
            write_masked(writer, factor, b, target, at, columns)

        writer.repeat("vectors", several, vectors)
        writer.repeat("vector", rest, vector)

    writer.repeat("rows", rows, row)
    builder.ret_void()


def write_masked(
    writer: SimdBuilder, factor: ir.Value, b: ir.Value, target: ir.Value,
    at: ir.Value, columns: ir.Value,
) -> None:  # fmt: skip
    """A single vector of a row, from column `at` on, masked at the end of the row."""
    writer.make_mask(writer.builder.sub(columns, at))
    product = writer.builder.fmul(factor, writer.load(writer.at(b, at)))
    writer.store(product, writer.at(target, at))
    writer.mask = None


def divide_columns(writer: SimdBuilder, columns: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
    """How often a row has `tile.vectors` whole vectors at once; the columns of all those; and how
    many single vectors the columns after them take.
    """
    builder, tile = writer.builder, writer.tile
    lanes, one = writer.constant(tile.vector.count), writer.constant(1)
    width = writer.constant(tile.vectors * tile.vector.count)
    several = builder.sdiv(columns, width)
    after = builder.mul(several, width)
    left = builder.add(builder.sub(columns, after), builder.sub(lanes, one))
    return several, after, builder.sdiv(left, lanes)


def write_vectors(
    writer: SimdBuilder, factor: ir.Value, b: ir.Value, target: ir.Value, k: ir.Value
) -> None:
    """The k-th `tile.vectors` whole vectors of a row: those of b, times one number of a."""
    builder, tile = writer.builder, writer.tile
    at = builder.mul(k, writer.constant(tile.vectors * tile.vector.count))
    products = [builder.fmul(factor, v) for v in writer.load_row(writer.at(b, at))]
    writer.store_row(products, writer.at(target, at))
