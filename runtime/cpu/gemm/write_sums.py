"""What a tile does with its sums when the last term is added: divide them, and bring them to y.

The mode of a product says which: an odd mode adds to y, an even one overwrites it; mode // 2, if it
is not 0, divides the sums.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder


def finish(
    writer: SimdBuilder, y: ir.Value, y_rows: list[ir.Value], sums: Any, mode: ir.Value
) -> None:
    """Overwrite y with the sums, or add them to it.

    All loads come before the first store: rows beyond the last are the last one again, and what
    is added there one after another would count several times.
    """
    places = [[writer.at(y, offset, column) for column in writer.columns()] for offset in y_rows]
    sums = divided(writer, sums, mode)
    with writer.builder.if_else(adds(writer, mode)) as (then, otherwise):
        with then:
            totals = [
                [writer.builder.fadd(p, writer.load(q)) for p, q in zip(*pair, strict=True)]
                for pair in zip(sums, places, strict=True)
            ]
            store_all(writer, totals, places)
        with otherwise:
            store_all(writer, sums, places)


def adds(writer: SimdBuilder, mode: ir.Value) -> ir.Value:
    """Whether a mode says to add to y: it is odd."""
    odd = writer.builder.and_(mode, writer.constant(1))
    return writer.builder.icmp_signed("!=", odd, writer.constant(0))


def divided(writer: SimdBuilder, sums: Any, mode: ir.Value) -> Any:
    """The sums, divided by mode // 2 where that is not 0."""
    before, count = writer.builder.block, writer.builder.ashr(mode, writer.constant(1))
    with writer.builder.if_then(writer.builder.icmp_signed("!=", count, writer.constant(0))):
        means = _means(writer, sums, count)
        inside = writer.builder.block
    return _merged(writer, (sums, before), (means, inside))


def _means(writer: SimdBuilder, sums: Any, count: ir.Value) -> Any:
    """The sums, divided by a count.

    They are divided, not multiplied by a reciprocal, so that the mean of equal numbers is that
    number.  If the count is a power of two, the product is the same number and takes less time.
    """
    single = writer.builder.sitofp(count, writer.tile.number)
    rest = writer.builder.and_(count, writer.builder.sub(count, writer.constant(1)))
    power = writer.builder.icmp_signed("==", rest, writer.constant(0))
    with writer.builder.if_else(power) as (then, otherwise):
        with then:
            share = writer.builder.fdiv(ir.Constant(writer.tile.number, 1.0), single)
            factor = writer.splat(share, writer.tile.vector)
            products = [[writer.builder.fmul(v, factor) for v in row] for row in sums]
            ends = [writer.builder.block]
        with otherwise:
            divisor = writer.splat(single, writer.tile.vector)
            quotients = [[writer.builder.fdiv(v, divisor) for v in row] for row in sums]
            ends.append(writer.builder.block)
    return _merged(writer, (products, ends[0]), (quotients, ends[1]))


def _merged(writer: SimdBuilder, *ways: tuple[Any, ir.Block]) -> list[list[ir.Value]]:
    """The sums of whichever block of instructions was run, each given with its sums."""
    merged: list[list[ir.Value]] = []
    for rows in zip(*(sums for sums, _ in ways), strict=True):
        merged.append([])
        for values in zip(*rows, strict=True):
            phi = writer.builder.phi(writer.tile.vector)
            for value, (_, block) in zip(values, ways, strict=True):
                phi.add_incoming(value, block)
            merged[-1].append(phi)
    return merged


def store_all(writer: SimdBuilder, totals: Any, places: Any) -> None:
    """Every sum to its place."""
    for row, row_places in zip(totals, places, strict=True):
        for total, place in zip(row, row_places, strict=True):
            writer.store(total, place)
