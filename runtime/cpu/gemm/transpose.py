"""y[m, row, column] = x[m, column, row]: matrices copied with their axes exchanged.

A square as wide as a vector is loaded row by row, transposed within registers, and stored row by
row, so that memory is read and written in whole cache lines.  Squares at the edges are masked.

geometry = [rows, columns, x_stride, y_stride, matrices, x_matrix, y_matrix]; x is contiguous along
the rows of y.  Rows or matrices of -1 stand for the range begin..end.  Background: Eklundh, 1972.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_runtime.cpu.codegen.intrinsics import I32, I64, pointer_reader
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import intrinsic
from gradc_runtime.cpu.codegen.number_types import number_type, pointer_type
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder, function_once
from gradc_runtime.cpu.gemm.tile import Tile
from gradc_runtime.cpu.gemm.write_sums import finish


def turned(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """The columns of a square of vectors.

    Its upper right and lower left quarters are exchanged, then those of each quarter, and so on.
    """
    size, half = len(rows), len(rows) // 2
    while half:
        low = [i if i & half == 0 else size + i - half for i in range(size)]
        high = [i + half if i & half == 0 else size + i for i in range(size)]
        masks = [ir.Constant(ir.VectorType(I32, size), lanes) for lanes in (low, high)]
        after = list(rows)
        for k in (k for k in range(size) if k & half == 0):
            pair = rows[k], rows[k + half]
            after[k], after[k + half] = (builder.shuffle_vector(*pair, m) for m in masks)
        rows, half = after, half // 2
    return rows


def write_square(tile: Tile, function: ir.Function) -> None:
    """The body of a function that transposes one square."""
    x, y, x_stride, y_stride, columns, rows, mode = function.args
    writer = SimdBuilder.in_function(tile, function)
    size = tile.vector.count
    writer.make_mask(rows)
    loaded = [writer.load(writer.at(x, at)) for at in writer.offsets(size, x_stride, columns)]
    writer.make_mask(columns)
    lines = [[line] for line in turned(writer.builder, loaded)]
    places = writer.offsets(size, y_stride, rows)
    # From the last to the first: rows beyond the last have its place, and it is stored after them.
    finish(writer, y, places[::-1], lines[::-1], mode)
    writer.builder.ret_void()


def square_function(tile: Tile, module: ir.Module) -> ir.Function:
    """The square's own function in a module, written when first asked for."""
    kinds = [tile.number.as_pointer()] * 2 + [I64] * 5
    return function_once(module, "square", kinds, lambda function: write_square(tile, function))


def make_square(word: int) -> Any:
    """turn(x, i, y, j, x_stride, y_stride, columns, rows, add): a square of x[i:] into y[j:].

    With an odd `add` it is added to what is there.
    """
    tile = Tile(host().lanes(word), 1, word)
    pointer, number = pointer_type(word), kernel_types.int64

    @intrinsic
    def turn(
        x: Any, i: Any, y: Any, j: Any,
        x_stride: Any, y_stride: Any, columns: Any, rows: Any, mode: Any,
    ) -> Any:  # fmt: skip
        def generate(builder: Any, args: Any) -> Any:
            function = square_function(tile, builder.module)
            starts = [builder.gep(args[k], [args[k + 1]]) for k in (0, 2)]
            builder.call(function, [*starts, *args[4:]])

        return kernel_types.void(*(pointer, number) * 2, *[number] * 5), generate

    return turn


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    reals = pointer_reader(number_type(word))
    size = host().lanes(word)
    turn = make_square(word)

    def transpose(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        x, y = reals(pointers, 0), reals(pointers, 1)
        rows, columns, x_stride, y_stride = geometry[0], geometry[1], geometry[2], geometry[3]
        matrices, x_matrix, y_matrix = geometry[4], geometry[5], geometry[6]
        start, stop = begin if rows < 0 else 0, end if rows < 0 else rows
        earliest, latest = begin if matrices < 0 else 0, end if matrices < 0 else matrices
        for matrix in range(earliest, latest):
            for row in range(start, stop, size):
                height = min(size, stop - row)
                for column in range(0, columns, size):
                    i = matrix * x_matrix + column * x_stride + row
                    j = matrix * y_matrix + row * y_stride + column
                    width = min(size, columns - column)
                    turn(x, i, y, j, x_stride, y_stride, width, height, 0)

    return transpose
