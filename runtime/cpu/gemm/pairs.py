"""Packing for products of rounded operands: panels of words of two bfloat16 (`pair_words.py`).

A word holds two terms that are neighbours along the sum; a last term without a neighbour gets a 0.
There are three ways to pack, by what is contiguous in memory: columns (`write_across`), or terms,
whose words stay in rows (`write_along`) or are transposed into columns (`write_turned`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.codegen.intrinsics import I64
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import intrinsic
from gradc_runtime.cpu.codegen.number_types import pointer_type
from gradc_runtime.cpu.codegen.pair_words import interleaved, neighbours, word_of
from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder, function_once
from gradc_runtime.cpu.gemm.tile import Tile
from gradc_runtime.cpu.gemm.transpose import turned

WORD = 4  # bytes of a pair
AHEAD = MACHINE.turned_ahead  # so many pairs, or squares, before its turn, one is fetched


def write_across(writer: SimdBuilder, args: Any) -> None:
    """panel[p width + place(c)] = (x[2 p step + c], x[(2 p + 1) step + c]), for c below `count`.

    Columns are in strips of two vectors, `strip` words apart.
    """
    builder, terms, one = writer.builder, args[3], writer.constant(1)

    def body(p: ir.Value) -> None:
        write_pair(writer, args, p, alone=False)

    whole = builder.ashr(terms, one)
    writer.repeat("pairs", whole, body)
    odd = builder.and_(terms, one)
    with builder.if_then(builder.icmp_signed("!=", odd, writer.constant(0))):
        write_pair(writer, args, whole, alone=True)


def write_pair(writer: SimdBuilder, args: Any, p: ir.Value, *, alone: bool) -> None:
    """A line of `write_across`: the p-th pair of terms, or a last term without a second one."""
    panel, x, step, _, count, width, strip = args
    builder, both = writer.builder, writer.constant(2 * writer.tile.vector.count)
    twice = builder.shl(step, writer.constant(1))
    first = writer.at(x, builder.mul(p, twice))
    rows = [first] if alone else [first, writer.at(first, step)]
    target = writer.at(panel, builder.mul(p, width))
    ahead = builder.mul(twice, writer.constant(AHEAD))

    def whole(v: ir.Value) -> None:
        to = writer.at(target, builder.mul(v, strip))
        write_strip(writer, rows, builder.mul(v, both), to, ahead=ahead)

    strips = builder.sdiv(count, both)
    writer.repeat("strips", strips, whole)
    at, to = builder.mul(strips, both), writer.at(target, builder.mul(strips, strip))
    with builder.if_then(builder.icmp_signed("<", at, count)):
        write_strip(writer, rows, at, to, count=count)


def write_strip(
    writer: SimdBuilder, rows: list[ir.Value], at: ir.Value, to: ir.Value,
    *, ahead: ir.Value | None = None, count: ir.Value | None = None,
) -> None:  # fmt: skip
    """The words of a strip's two vectors, from column `at` of the rows on.

    The numbers that lie `ahead` are fetched; columns from `count` on are masked.
    """
    builder, lanes = writer.builder, writer.tile.vector.count
    for side in (writer.constant(0), writer.constant(lanes)):
        if count is not None:
            writer.make_mask(builder.sub(count, builder.add(at, side)))
        if ahead is not None:
            for row in rows:
                writer.fetch(writer.at(row, ahead, at, side))
        write_words(writer, [writer.at(row, at, side) for row in rows], writer.at(to, side))
        writer.mask = None


def write_words(writer: SimdBuilder, rows: list[ir.Value], to: ir.Value) -> None:
    """A vector of words, each of a number from both rows; of a single row, of a number and a 0."""
    loaded = [writer.load(row) for row in rows]
    zero = writer.zeros()[0][0]
    writer.store(interleaved(writer.builder, *[*loaded, zero][:2]), to)


def pairs_of_row(writer: SimdBuilder, row: ir.Value, terms: ir.Value | None) -> ir.Value:
    """A vector of words from a row of so many terms, 0 beyond them; None says that it is full."""
    loaded = []
    for start in (0, writer.tile.vector.count):
        at = writer.constant(start)
        if terms is not None:
            writer.make_mask(writer.builder.sub(terms, at))
        loaded.append(writer.load(writer.at(row, at)))
        writer.fetch(writer.at(row, at, writer.constant(AHEAD * writer.tile.vector.count)))
    writer.mask = None
    return neighbours(writer.builder, *loaded)


def write_along(writer: SimdBuilder, args: Any) -> None:
    """panel[r width + p] = (x[r step + 2 p], x[r step + 2 p + 1]), for r below `count`."""
    panel, x, step, terms, count, width, _ = args
    builder = writer.builder

    def row(r: ir.Value) -> None:
        start = writer.at(x, builder.mul(r, step))
        write_row(writer, start, writer.at(panel, builder.mul(r, width)), terms)

    writer.repeat("rows", count, row)


def write_row(writer: SimdBuilder, start: ir.Value, target: ir.Value, terms: ir.Value) -> None:
    """A row of `write_along`: so many terms, which follow one another, as words that do."""
    builder, lanes, one = writer.builder, writer.tile.vector.count, writer.constant(1)
    twice = writer.constant(2 * lanes)

    def vector(v: ir.Value) -> None:
        at = builder.mul(v, twice)
        left = builder.sub(terms, at)
        words = pairs_of_row(writer, writer.at(start, at), left)
        writer.make_mask(builder.ashr(builder.add(left, one), one))
        writer.store(words, writer.at(target, builder.mul(v, writer.constant(lanes))))
        writer.mask = None

    vectors = builder.sdiv(builder.add(terms, writer.constant(2 * lanes - 1)), twice)
    writer.repeat("vectors", vectors, vector)


def write_turned(writer: SimdBuilder, args: Any) -> None:
    """panel[p width + c] = (x[c step + 2 p], x[c step + 2 p + 1]): squares of words, transposed."""
    terms, count = args[3:5]
    builder, lanes = writer.builder, writer.tile.vector.count
    size, twice = writer.constant(lanes), writer.constant(2 * lanes)
    across = builder.sdiv(builder.add(count, writer.constant(lanes - 1)), size)
    down = builder.sdiv(builder.add(terms, writer.constant(2 * lanes - 1)), twice)

    def columns(c: ir.Value) -> None:
        def terms_of(d: ir.Value) -> None:
            write_square(writer, args, builder.mul(c, size), builder.mul(d, size))

        writer.repeat("down", down, terms_of)

    writer.repeat("across", across, columns)


def write_square(writer: SimdBuilder, args: Any, column: ir.Value, pair: ir.Value) -> None:
    """The square of `write_turned` that begins with a column and a pair; masked at the edges."""
    _, _, _, terms, count, _, _ = args
    builder, lanes = writer.builder, writer.tile.vector.count
    left = builder.sub(count, column)
    own_terms = builder.sub(terms, builder.shl(pair, writer.constant(1)))
    wide = builder.icmp_signed(">=", left, writer.constant(lanes))
    high = builder.icmp_signed(">=", own_terms, writer.constant(2 * lanes))
    with builder.if_else(builder.and_(wide, high)) as (then, otherwise):
        with then:
            write_turned_words(writer, args, column, pair)
        with otherwise:
            write_turned_words(writer, args, column, pair, (left, own_terms))


def write_turned_words(
    writer: SimdBuilder, args: Any, column: ir.Value, pair: ir.Value,
    size: tuple[ir.Value, ir.Value] | None = None,
) -> None:  # fmt: skip
    """A square of so many columns and terms; a whole one has no `size`.

    Lines are stored from the last on: those beyond it have its place, and are overwritten by it.
    """
    panel, x, step, _, _, width, _ = args
    builder, lanes, one = writer.builder, writer.tile.vector.count, writer.constant(1)
    most = writer.constant(lanes)
    left, terms = size or (most, None)
    pairs = most if terms is None else builder.ashr(builder.add(terms, one), one)
    start = writer.at(x, builder.mul(column, step), builder.shl(pair, one))
    target = writer.at(panel, builder.mul(pair, width), column)
    places = writer.offsets(lanes, width, pairs)
    rows = [
        pairs_of_row(writer, writer.at(start, at), terms)
        for at in writer.offsets(lanes, step, left)
    ]
    if size is not None:
        writer.make_mask(left)
    for words, at in list(zip(turned(builder, rows), places, strict=True))[::-1]:
        writer.store(words, writer.at(target, at))
    writer.mask = None


Writer = Callable[[SimdBuilder, Any], None]
TILE = Tile(1, 1, WORD)


def own_function(write: Writer, module: ir.Module) -> ir.Function:
    """The function of a way to pack in a module, written when first asked for."""

    def write_body(function: ir.Function) -> None:
        writer = SimdBuilder.in_function(TILE, function)
        write(writer, function.args)
        writer.builder.ret_void()

    kinds = [TILE.number.as_pointer()] * 2 + [I64] * 5
    return function_once(module, write.__name__, kinds, write_body)


def packing(write: Writer) -> Any:
    """A function for kernels: (panel, at, x, i, step, terms, count, width, strip).

    `step` is the stride of x that is not 1, `width` that of the panel's lines; see `write_across`.
    """
    pointer, number = pointer_type(WORD), kernel_types.int64

    @intrinsic
    def pack(
        panel: Any, at: Any, x: Any, i: Any,
        step: Any, terms: Any, count: Any, width: Any, strip: Any,
    ) -> Any:  # fmt: skip
        def generate(builder: Any, args: Any) -> Any:
            starts = [builder.gep(args[k], [args[k + 1]]) for k in (0, 2)]
            builder.call(own_function(write, builder.module), [*starts, *args[4:]])

        return kernel_types.void(*(pointer, number) * 2, *[number] * 5), generate

    return pack


@intrinsic
def pair_of(first: Any, second: Any) -> Any:
    """The word of two numbers."""

    def generate(builder: Any, args: Any) -> Any:
        return word_of(builder, *args)

    return kernel_types.float32(*[kernel_types.float32] * 2), generate
