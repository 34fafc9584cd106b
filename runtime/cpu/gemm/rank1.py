"""The product of two vectors, row by row: a sum of one term needs no tile.

    y[r, c] = a[r] * b[c]

The gradient of a matrix on a single example.  A row is written from its beginning to its end.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_runtime.cpu.gemm.micro_kernel import load_strides
from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder
from gradc_runtime.cpu.gemm.tile import Tile


def write_outer_product(tile: Tile, function: ir.Function) -> None:
    """The body of a function that writes whole rows, `tile.vectors` at a time and then singly."""
    a, b, y, geometry, _, _, rows, columns, mode = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    writer = SimdBuilder(tile, builder)
    stride = load_strides(writer, geometry)
    width = writer.constant(tile.vectors * tile.vector.count)
    several = builder.sdiv(columns, width)
    after = builder.mul(several, width)
    lanes = writer.constant(tile.vector.count)
    rest = builder.sdiv(
        builder.add(builder.sub(columns, after), builder.sub(lanes, writer.constant(1))), lanes
    )

    def row(r: ir.Value, none: Any) -> Any:
        single = builder.load(writer.at(a, builder.mul(r, stride["a_row"])))
        [[factor]] = writer.divided([[writer.splat(single, tile.vector)]], mode)
        target = writer.at(y, builder.mul(r, stride["y_row"]))

        def vectors(k: ir.Value, none: Any) -> Any:
            at = builder.mul(k, width)
            products = [builder.fmul(factor, v) for v in writer.load_row(writer.at(b, at))]
            writer.store_row(products, writer.at(target, at))
            return none

        def vector(k: ir.Value, none: Any) -> Any:
            at = builder.add(after, builder.mul(k, lanes))
            writer.make_mask(builder.sub(columns, at))
            writer.store(builder.fmul(factor, writer.load(writer.at(b, at))), writer.at(target, at))
            writer.mask = None
            return none

        writer.loop("vectors", several, none, vectors)
        return writer.loop("vector", rest, none, vector)

    writer.loop("rows", rows, [], row)
    builder.ret_void()
