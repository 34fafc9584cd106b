"""The micro-kernel: a tile of y, a few rows by a few vectors, summed over two nested loops.

    y[r, c] (+)= sum over k1, k2 of a[r, k1, k2] * b[k1, k2, c]

A processor multiplies far more numbers in a second than it loads.  So every sum stays in a vector
register for the whole of both loops, and each iteration loads the vectors of b once and multiplies
them with a number of every row: R rows and V vectors make R V multiplications of R + V loads.  The
language of kernels cannot promise that a value stays in a register, so an intrinsic writes the tile
as LLVM instructions.

A tile serves for fewer rows than it has: those beyond the last row of y compute that last row
again, and store the same numbers.  So tiles of a few heights are enough.  Columns beyond the last
are masked.  Each sum takes its terms in the order of k1, k2 whatever the tile, so a product has the
same bits however its rows and columns are cut.

Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_compiler.program.kernel_abi import A_K1, A_K2, A_ROW, B_K1, B_K2, Y_ROW
from gradc_runtime.cpu.codegen.intrinsics import I64, WORDS
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import intrinsic
from gradc_runtime.cpu.codegen.number_types import pointer_type
from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder, function_once
from gradc_runtime.cpu.gemm.tile import Tile
from gradc_runtime.cpu.gemm.write_sums import finish

STRIDES = {  # in the geometry
    "a_row": A_ROW, "y_row": Y_ROW, "a_k1": A_K1, "b_k1": B_K1, "a_k2": A_K2, "b_k2": B_K2,
}  # fmt: skip


def load_strides(writer: SimdBuilder, geometry: ir.Value) -> dict[str, ir.Value]:
    """The strides along rows and along both sums, read from the geometry."""
    return {
        name: writer.builder.load(writer.at(geometry, writer.constant(place)))
        for name, place in STRIDES.items()
    }


def write_tile(tile: Tile, function: ir.Function) -> None:
    """The body of a tile's function: the loops over k1 and k2, around one term of every sum."""
    a, b, y, geometry, k1_count, k2_count, rows, columns, mode, *panel = function.args
    writer = SimdBuilder.in_function(tile, function)
    builder, stride = writer.builder, load_strides(writer, geometry)
    if tile.masked:
        writer.make_mask(columns)
    a_rows, y_rows = (writer.offsets(tile.rows, stride[s], rows) for s in ("a_row", "y_row"))

    def add_line(k1: ir.Value, sums: Any) -> Any:
        a1 = writer.at(a, builder.mul(k1, stride["a_k1"]))
        b1 = writer.at(b, builder.mul(k1, stride["b_k1"]))

        def add_term(k2: ir.Value, sums: Any) -> Any:
            a2 = writer.at(a1, builder.mul(k2, stride["a_k2"]))
            vectors = writer.load_row(writer.at(b1, builder.mul(k2, stride["b_k2"])))
            for start in panel:
                store_in_panel(writer, vectors, start, builder.mul(k1, k2_count), k2)
            return writer.add_term(a2, vectors, a_rows, sums)

        return writer.loop("k2", k2_count, sums, add_term)

    sums = writer.loop("k1", k1_count, writer.zeros(), add_line)
    finish(writer, y, y_rows, sums, mode)
    builder.ret_void()


def store_in_panel(
    writer: SimdBuilder, vectors: list[ir.Value], panel: ir.Value, line: ir.Value, k2: ir.Value
) -> None:
    """Copy the vectors of b for one term to a panel, where terms follow one another."""
    builder, width = writer.builder, writer.tile.vectors * writer.tile.vector.count
    term = builder.add(line, k2)
    writer.store_row(vectors, writer.at(panel, builder.mul(term, writer.constant(width))))


def tile_function(tile: Tile, module: ir.Module, write: Any) -> ir.Function:
    """The tile's own function in a module, written when first asked for."""
    ways = {"lanes": tile.lanewise, "panel": tile.copies, "pairs": tile.pairs, "round": tile.rounds}
    kind = "".join(f"_{way}" for way, on in ways.items() if on)
    name = f"{write.__name__}_{tile.rows}x{tile.vectors}{kind}"
    number = tile.number.as_pointer()
    kinds = [*[number] * 3, I64.as_pointer(), *[I64] * 5, *[number] * tile.copies]
    return function_once(module, name, kinds, lambda function: write(tile, function))


def calling(tile: Tile, write: Any = write_tile) -> Any:
    """The writer of a call of the tile's function, on a[i:], b[j:], y[h:] and what follows them."""

    def generate(builder: Any, args: Any) -> Any:
        starts = [builder.gep(args[k], [args[k + 1]]) for k in (0, 2, 4)]
        builder.call(tile_function(tile, builder.module, write), [*starts, *args[6:]])

    return generate


def make_tile(tile: Tile, write: Any = write_tile) -> Any:
    """The tile as a function that kernels call: a[i:] times b[j:] into y[h:]."""
    pointer, number = pointer_type(tile.word), kernel_types.int64

    @intrinsic
    def call_tile(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, rows: Any, columns: Any, mode: Any,
    ) -> Any:  # fmt: skip
        return kernel_types.void(*(pointer, number) * 3, WORDS, *[number] * 5), calling(tile, write)

    return call_tile


def make_first_tile(tile: Tile) -> Any:
    """The same for a tile that `copies`: what it reads of b goes to panel[0:], term after term."""
    pointer, number = pointer_type(tile.word), kernel_types.int64

    @intrinsic
    def call_tile(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, rows: Any, columns: Any, mode: Any, panel: Any,
    ) -> Any:  # fmt: skip
        return kernel_types.void(*(pointer, number) * 3, WORDS, *[number] * 5, pointer), calling(
            tile
        )

    return call_tile
