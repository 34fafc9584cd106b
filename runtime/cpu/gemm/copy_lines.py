"""Copies lines of a matrix to a panel, a vector at a time.

    panel[line * width + place(c)] = x[line * step + c], for c below `count`

place(c) is c, or, if columns are in groups of some vectors, their groups are `apart` words apart.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.codegen.intrinsics import I64
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import intrinsic
from gradc_runtime.cpu.codegen.number_types import pointer_type
from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder, function_once
from gradc_runtime.cpu.gemm.tile import Tile

AHEAD = MACHINE.turned_ahead  # so many lines before its turn, one is fetched


def place_of(writer: SimdBuilder, v: ir.Value, group: int, apart: ir.Value) -> ir.Value:
    """Where the vector number `v` of a line is written, if so many vectors are a group."""
    builder, lanes = writer.builder, writer.constant(writer.tile.vector.count)
    if not group:
        return builder.mul(v, lanes)
    number = writer.constant(group)
    inside = builder.mul(builder.srem(v, number), lanes)
    return builder.add(builder.mul(builder.sdiv(v, number), apart), inside)


def write_line(writer: SimdBuilder, args: Any, k: ir.Value, group: int) -> None:
    """Copy the line number `k`; its last vector is masked."""
    panel, x, step, _, count, width, apart = args
    builder, lanes = writer.builder, writer.constant(writer.tile.vector.count)
    source, target = (writer.at(p, builder.mul(k, by)) for p, by in ((x, step), (panel, width)))

    def vector(v: ir.Value) -> None:
        at = builder.mul(v, lanes)
        to = writer.at(target, place_of(writer, v, group, apart))
        writer.store(writer.load(writer.at(source, at)), to)

    def ahead(v: ir.Value) -> None:
        distance = builder.mul(step, writer.constant(AHEAD))
        writer.fetch(writer.at(source, distance, builder.mul(v, lanes)))
        vector(v)

    whole = builder.sdiv(count, lanes)
    writer.repeat("vectors", whole, ahead)
    left = builder.sub(count, builder.mul(whole, lanes))
    with builder.if_then(builder.icmp_signed(">", left, writer.constant(0))):
        writer.make_mask(left)
        vector(whole)
        writer.mask = None


def write_lines(tile: Tile, group: int, function: ir.Function) -> None:
    """The body of the function that copies all lines."""
    writer = SimdBuilder.in_function(tile, function)
    lines = function.args[3]
    writer.repeat("lines", lines, lambda k: write_line(writer, function.args, k, group))
    writer.builder.ret_void()


def make_copy_lines(word: int, group: int) -> Any:
    """copy(panel, at, x, i, step, lines, count, width, apart), for groups of so many vectors; 0 is
    for lines that stay as they are.
    """
    tile = Tile(1, 1, word)
    pointer, number = pointer_type(word), kernel_types.int64

    @intrinsic
    def copy(
        panel: Any, at: Any, x: Any, i: Any,
        step: Any, lines: Any, count: Any, width: Any, apart: Any,
    ) -> Any:  # fmt: skip
        def generate(builder: Any, args: Any) -> Any:
            kinds = [tile.number.as_pointer()] * 2 + [I64] * 5
            function = function_once(
                builder.module, f"copy_lines_{group}", kinds,
                lambda function: write_lines(tile, group, function),
            )  # fmt: skip
            starts = [builder.gep(args[k], [args[k + 1]]) for k in (0, 2)]
            builder.call(function, [*starts, *args[4:]])

        return kernel_types.void(*(pointer, number) * 2, *[number] * 5), generate

    return copy
