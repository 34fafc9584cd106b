"""Products of packed pairs by the processor's matrix unit (AMX): 16 x 16 sums by one instruction.

A tile register holds 16 rows of 16 words.  TDPBF16PS multiplies a tile of 16 rows and 16 pairs with
one of 16 pairs and 16 columns: of each sum it adds up the first terms of all 16 pairs one after
another, likewise their second terms, then both of these, and that to the sum; each addition is
rounded to the nearest, and denormal numbers count as 0.  Four sums of tiles take turns, so that two
tiles of either side make four products.

The unit's state is set at the start and released at the end of each packed piece (`rounded.py`):
other code finds it as a new thread has it.

Intel 64 and IA-32 Architectures Software Developer's Manual, TDPBF16PS.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_compiler.program.kernel_abi import A_ROW, Y_ROW
from gradc_runtime.cpu.codegen.intrinsics import I8, I64, WORDS, stack_room, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import intrinsic, subroutine
from gradc_runtime.cpu.codegen.language.translate_calls import declared
from gradc_runtime.cpu.gemm.pack_operands import NUMBER, POINTER, REAL, STRIP
from gradc_runtime.cpu.gemm.pack_tiles import SIDE
from gradc_runtime.cpu.gemm.pairs import WORD
from gradc_runtime.cpu.gemm.simd_builder import SimdBuilder, function_once
from gradc_runtime.cpu.gemm.tile import Tile
from gradc_runtime.cpu.gemm.write_sums import finish

LINE, CELL = SIDE * WORD, SIDE * SIDE  # bytes of a row; words of a tile
LEFT, RIGHT = 4, 6  # registers of the operands; sums have those from 0 on
ROW = Tile(1, 1, WORD)


def call(builder: Any, name: str, *args: ir.Value) -> None:
    """One instruction of the unit."""
    shape = ir.FunctionType(ir.VoidType(), [arg.type for arg in args])
    builder.call(declared(builder.module, f"llvm.x86.{name}", shape), args)


def register(number: int) -> ir.Value:
    """The operand that names a tile register."""
    return ir.Constant(I8, number)


def as_bytes(builder: Any, pointer: ir.Value) -> ir.Value:
    """An address, as the unit's instructions take it."""
    return builder.bitcast(pointer, I8.as_pointer())


@intrinsic
def configure(words: Any) -> Any:
    """Set the shapes of all tile registers."""

    def generate(builder: Any, args: Any) -> Any:
        call(builder, "ldtilecfg", as_bytes(builder, args[0]))

    return kernel_types.void(WORDS), generate


@intrinsic
def release() -> Any:
    """Leave the unit as a new thread has it."""

    def generate(builder: Any, args: Any) -> Any:
        call(builder, "tilerelease")

    return kernel_types.void(), generate


def add_products(
    writer: SimdBuilder, high: int, wide: int, left: ir.Value, right: ir.Value, stride: ir.Value
) -> None:
    """Load tiles of both sides for the next 16 pairs, and add all their products to the sums."""
    builder, line = writer.builder, writer.constant(STRIP * WORD)
    below = builder.mul(stride, writer.constant(SIDE))
    step = builder.mul(stride, writer.constant(WORD))
    for r in range(high):
        place = writer.at(left, below) if r else left
        call(builder, "tileloadd64", register(LEFT + r), as_bytes(builder, place), step)
    for c in range(wide):
        place = writer.at(right, writer.constant(c * SIDE))
        call(builder, "tileloadd64", register(RIGHT + c), as_bytes(builder, place), line)
    for r in range(high):
        for c in range(wide):
            call(builder, "tdpbf16ps", *map(register, (2 * r + c, LEFT + r, RIGHT + c)))


def write_sums(
    writer: SimdBuilder, high: int, wide: int,
    left: ir.Value, a_row: ir.Value, right: ir.Value, blocks: ir.Value,
) -> None:  # fmt: skip
    """Compute all sums, over so many blocks of 16 pairs."""
    for r in range(high):
        for c in range(wide):
            call(writer.builder, "tilezero", register(2 * r + c))

    def block(k: ir.Value) -> None:
        a = writer.at(left, writer.builder.mul(k, writer.constant(SIDE)))
        b = writer.at(right, writer.builder.mul(k, writer.constant(SIDE * STRIP)))
        add_products(writer, high, wide, a, b, a_row)

    writer.repeat("blocks", blocks, block)


def store_sums(writer: SimdBuilder, high: int, wide: int, to: ir.Value, stride: ir.Value) -> None:
    """All sums to memory, whose rows are `stride` words apart."""
    builder = writer.builder
    step, below = (builder.mul(stride, writer.constant(k)) for k in (WORD, SIDE))
    for r in range(high):
        for c in range(wide):
            place = writer.at(to, *[below] * r, writer.constant(c * SIDE))
            call(builder, "tilestored64", register(2 * r + c), as_bytes(builder, place), step)


def write_product(high: int, wide: int, function: ir.Function) -> None:
    """The body of the function of so many tiles of rows, and of columns.

    Sums that fill their tiles and overwrite y go there at once; others by way of `room`.
    """
    left, a_row, right, blocks, y, y_row, rows, columns, mode, room = function.args
    writer = SimdBuilder.in_function(ROW, function)
    builder = writer.builder
    write_sums(writer, high, wide, left, a_row, right, blocks)
    whole = [(mode, 0), (rows, SIDE * high), (columns, SIDE * wide)]
    checks = [builder.icmp_signed("==", x, writer.constant(k)) for x, k in whole]
    with builder.if_else(builder.and_(checks[0], builder.and_(*checks[1:]))) as (then, otherwise):
        with then:
            store_sums(writer, high, wide, y, y_row)
        with otherwise:
            store_sums(writer, high, wide, room, writer.constant(STRIP))
            write_finish(writer, wide, room, y, y_row, rows, columns, mode)
    builder.ret_void()


def write_finish(
    writer: SimdBuilder, wide: int, room: ir.Value,
    y: ir.Value, y_row: ir.Value, rows: ir.Value, columns: ir.Value, mode: ir.Value,
) -> None:  # fmt: skip
    """Bring the sums of all rows from `room` to y, as the mode says; columns beyond are masked."""
    builder = writer.builder

    def row(r: ir.Value) -> None:
        start = writer.at(room, builder.mul(r, writer.constant(STRIP)))
        target = writer.at(y, builder.mul(r, y_row))
        for side in (writer.constant(c * SIDE) for c in range(wide)):
            writer.make_mask(builder.sub(columns, side))
            sums = [[writer.load(writer.at(start, side))]]
            finish(writer, writer.at(target, side), [writer.constant(0)], sums, mode)
            writer.mask = None

    writer.repeat("rows", rows, row)


def make_product(high: int, wide: int) -> Any:
    """product(left, i, a_row, right, j, blocks, y, h, y_row, rows, columns, mode, room): `blocks`
    of 16 pairs; rows of the left panel are `a_row` words apart.
    """
    place = (POINTER, NUMBER)

    @intrinsic
    def call_product(
        left: Any, i: Any, a_row: Any, right: Any, j: Any, blocks: Any,
        y: Any, h: Any, y_row: Any, rows: Any, columns: Any, mode: Any, room: Any,
    ) -> Any:  # fmt: skip
        def generate(builder: Any, args: Any) -> Any:
            kinds = [REAL.llvm.as_pointer(), I64] * 3 + [I64] * 3 + [REAL.llvm.as_pointer()]
            function = function_once(
                builder.module, f"matrix_tiles_{high}x{wide}", kinds,
                lambda function: write_product(high, wide, function),
            )  # fmt: skip
            a, b, c = (builder.gep(args[k], [args[k + 1]]) for k in (0, 3, 6))
            builder.call(function, [a, args[2], b, args[5], c, *args[8:]])

        own = [*place, NUMBER, *place, NUMBER, *place, *[NUMBER] * 4, POINTER]
        return kernel_types.void(*own), generate

    return call_product


@subroutine(kernel_types.void(WORDS))
def shape_of_tiles(words: Any) -> None:
    """Palette 1, and for all eight registers rows of 64 bytes, and 16 rows."""
    words[0] = 1
    words[2], words[3] = 0x0040004000400040, 0x0040004000400040
    words[6] = 0x1010101010101010


def make_fitting_product() -> Any:
    """product(left, i, a_row, right, j, blocks, y, h, y_row, rows, columns, mode, room): at most
    two tiles of rows by two of columns.
    """
    single, broad, tall, square = (make_product(*size) for size in ((1, 1), (1, 2), (2, 1), (2, 2)))
    kinds = [POINTER, NUMBER, NUMBER, POINTER, *[NUMBER] * 2, POINTER, *[NUMBER] * 5, POINTER]

    @subroutine(kernel_types.void(*kinds))
    def product(
        left: Any, i: Any, a_row: Any, right: Any, j: Any, blocks: Any,
        y: Any, h: Any, y_row: Any, m: Any, n: Any, mode: Any, sums: Any,
    ) -> None:  # fmt: skip
        if m > SIDE and n > SIDE:
            square(left, i, a_row, right, j, blocks, y, h, y_row, m, n, mode, sums)
        elif m > SIDE:
            tall(left, i, a_row, right, j, blocks, y, h, y_row, m, n, mode, sums)
        elif n > SIDE:
            broad(left, i, a_row, right, j, blocks, y, h, y_row, m, n, mode, sums)
        else:
            single(left, i, a_row, right, j, blocks, y, h, y_row, m, n, mode, sums)

    return product


def make_matrix_strips() -> Any:
    """strips(left, right, y, h, strides, lines, rows, columns, mode): the product of packed rows
    and packed columns, whose pairs are filled up to `lines`, a multiple of 16.
    """
    product, room = make_fitting_product(), stack_room(REAL, 4 * CELL)

    @subroutine(kernel_types.void(POINTER, POINTER, POINTER, NUMBER, WORDS, *[NUMBER] * 4))
    def strips(
        left: Any, right: Any, y: Any, h: Any, strides: Any, lines: Any, m: Any, n: Any, mode: Any
    ) -> None:
        sums, shapes = room(), stack_words(8)
        shape_of_tiles(shapes)
        configure(shapes)
        a_row, y_row, blocks = strides[A_ROW], strides[Y_ROW], lines // SIDE
        for c in range(0, n, STRIP):
            j, w = c * (lines + 1), min(STRIP, n - c)
            for r in range(0, m, STRIP):
                i, to, x = r * a_row, h + r * y_row + c, min(STRIP, m - r)
                product(left, i, a_row, right, j, blocks, y, to, y_row, x, w, mode, sums)
        release()

    return strips
