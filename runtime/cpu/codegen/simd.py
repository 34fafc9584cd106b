"""Examples side by side: what kernels need whose numbers are vectors, a lane for each example.

    s0 = rows(60, 32)         room on the stack for 60 vectors of 32 numbers
    m0 = below(g0 - i0, 32)   which lanes hold an example
    v1 = gather(x0, n0 * 3 + 1, 3, m0)      x0[n0 * 3 + 1 + 3 * lane], 0 in the other lanes
    scatter(x1, n0, 1, m0, v1)              x1[n0 + lane] = v1, where there is an example
    r0[5] = folded(v1, m0)    its lanes added in pairs, the other lanes as 0
    totals(y0, 16, r0, 32)    y0[16 + k] += the sum of r0[32 + k], for 16 of them at once
    spread(v1, 32)            a number in every lane

Sums over lanes are made for 16 vectors together: four times, pairs of vectors are halved into one.
A number of lanes has nothing to do with the processor: LLVM makes as many registers of a vector as
it takes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.codegen.intrinsics import I32, I64, LINE, suffix
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.convert import fixed
from gradc_runtime.cpu.codegen.language.subroutines import vector_intrinsic
from gradc_runtime.cpu.codegen.language.translate_calls import declared

TOGETHER = MACHINE.sums_at_once  # sums that are made at once


def rows_of(number: Any) -> Any:
    """`rows(count, lanes)`: room for vectors on the stack, not cleared; both are literals."""

    @vector_intrinsic
    def rows(count: Any, lanes: Any) -> Any:
        vector = kernel_types.vector_of(number, lanes.literal_value)

        def generate(builder: Any, args: Any) -> Any:
            with builder.goto_entry_block():
                array = builder.alloca(ir.ArrayType(vector.llvm, count.literal_value))
            array.align = 2 * LINE
            return builder.bitcast(array, vector.llvm.as_pointer())

        return kernel_types.CPointer(vector)(count, lanes), generate

    return rows


@vector_intrinsic
def spread(value: Any, lanes: Any) -> Any:
    """The same number in every lane."""
    vector = kernel_types.vector_of(value, lanes.literal_value)
    return vector(vector, lanes), lambda builder, args: args[0]


@vector_intrinsic
def after(pointer: Any, count: Any) -> Any:
    """The pointer moved on by so many numbers."""

    def generate(builder: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]], inbounds=True)

    return pointer(pointer, kernel_types.int64), generate


@vector_intrinsic
def below(count: Any, lanes: Any) -> Any:
    """Which lanes are among the first `count`."""
    mask = kernel_types.vector_of(kernel_types.boolean, lanes.literal_value)

    def generate(builder: Any, args: Any) -> Any:
        single = builder.trunc(args[0], I32)
        numbers = ir.Constant(ir.VectorType(I32, mask.count), list(range(mask.count)))
        return builder.icmp_signed(">", repeated(builder, single, mask.count), numbers)

    return mask(kernel_types.int64, lanes), generate


def repeated(builder: Any, value: Any, count: int) -> Any:
    """A vector with a number in every lane."""
    vector = ir.VectorType(value.type, count)
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(I32, 0))
    return shuffled(builder, single, single, [0] * count)


def shuffled(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    """The lanes of two vectors that a list names; those of the second are numbered after those of
    the first.
    """
    order = ir.Constant(ir.VectorType(I32, len(lanes)), lanes)
    return builder.shuffle_vector(a, b, order)


@vector_intrinsic
def gather(pointer: Any, at: Any, stride: Any, mask: Any) -> Any:
    """pointer[at + stride * lane] in the lanes of the mask, 0 in all others."""
    vector = kernel_types.vector_of(pointer.element, mask.count)

    def generate(builder: Any, args: Any) -> Any:
        lanes = args[3]
        zeros, align = fixed(vector.llvm, 0), ir.Constant(I32, pointer.element.bits // 8)
        side_by_side = getattr(stride, "literal_value", 0) == 1
        places = reached(builder, side_by_side, vector, args)
        name = f"llvm.masked.{'load' if side_by_side else 'gather'}.{suffix(vector.llvm)}"
        shape = ir.FunctionType(vector.llvm, [places.type, I32, lanes.type, vector.llvm])
        return builder.call(declared(builder.module, name, shape), [places, align, lanes, zeros])

    return vector(pointer, kernel_types.int64, stride, mask), generate


@vector_intrinsic
def scatter(pointer: Any, at: Any, stride: Any, mask: Any, value: Any) -> Any:
    """pointer[at + stride * lane] = value, in the lanes of the mask."""
    vector = kernel_types.vector_of(pointer.element, mask.count)

    def generate(builder: Any, args: Any) -> Any:
        *_, lanes, numbers = args
        align = ir.Constant(I32, pointer.element.bits // 8)
        side_by_side = getattr(stride, "literal_value", 0) == 1
        places = reached(builder, side_by_side, vector, args)
        name = f"llvm.masked.{'store' if side_by_side else 'scatter'}.{suffix(vector.llvm)}"
        shape = ir.FunctionType(ir.VoidType(), [vector.llvm, places.type, I32, lanes.type])
        builder.call(declared(builder.module, name, shape), [numbers, places, align, lanes])

    return kernel_types.void(pointer, kernel_types.int64, stride, mask, vector), generate


def reached(builder: Any, side_by_side: bool, vector: Any, args: Any) -> Any:
    """The address of a vector that lies together in memory, else those of its numbers."""
    start, first, step, *_ = args
    if side_by_side:
        return builder.bitcast(builder.gep(start, [first]), vector.llvm.as_pointer())
    lanes = ir.Constant(ir.VectorType(I64, vector.count), list(range(vector.count)))
    words = builder.mul(lanes, repeated(builder, step, vector.count))
    words = builder.add(words, repeated(builder, first, vector.count))
    bytes_on = builder.mul(words, fixed(words.type, vector.element.bits // 8))
    base = repeated(builder, builder.ptrtoint(start, I64), vector.count)
    pointers = ir.VectorType(vector.element.llvm.as_pointer(), vector.count)
    return builder.inttoptr(builder.add(base, bytes_on), pointers)


def folded_of(number: Any) -> Any:
    """`folded(v, mask)`: numbers half a vector apart, added; without the mask they count as 0."""

    @vector_intrinsic
    def folded(value: Any, mask: Any) -> Any:
        vector, half = kernel_types.vector_of(number, mask.count), mask.count // 2
        first, second = list(range(half)), list(range(half, mask.count))

        def generate(builder: Any, args: Any) -> Any:
            numbers, lanes = args
            low, high = (shuffled(builder, numbers, numbers, part) for part in (first, second))
            here, there = (shuffled(builder, lanes, lanes, part) for part in (first, second))
            total = builder.select(here, low, fixed(low.type, 0.0))
            both = builder.fadd(total, high)
            return builder.select(there, both, total)

        return kernel_types.vector_of(number, half)(vector, mask), generate

    return folded


@vector_intrinsic
def totals(target: Any, at: Any, rows: Any, first: Any) -> Any:
    """target[at + k] += the sum of rows[first + k], for k below TOGETHER.

    Again and again two vectors become one, which has a block for each of their blocks, half as
    long.  Rows half of those that are left apart go together, so the sums come out in order.
    """
    assert rows.element.count == TOGETHER, f"rows of {rows.element} have no totals"

    def generate(builder: Any, args: Any) -> Any:
        y, target_at, r, start = args
        places = [builder.add(start, ir.Constant(I64, k)) for k in range(TOGETHER)]
        found = [builder.load(builder.gep(r, [place], inbounds=True)) for place in places]
        block = TOGETHER // 2
        while block:
            found = [halved(builder, found[k], found[k + block], block) for k in range(block)]
            block //= 2
        (total,) = found
        place = builder.bitcast(builder.gep(y, [target_at]), total.type.as_pointer())
        word = rows.element.element.bits // 8
        before = builder.load(place, align=word)
        builder.store(builder.fadd(before, total), place, align=word)

    return kernel_types.void(target, kernel_types.int64, rows, kernel_types.int64), generate


def halved(builder: Any, a: Any, b: Any, block: int) -> Any:
    """Neighbouring blocks added: those of a to the even blocks, those of b to the odd ones.

    What is in its place stays there; the rest changes places with its neighbours.
    """
    odd = [k // block % 2 for k in range(TOGETHER)]
    stay = shuffled(builder, a, b, [k + TOGETHER * odd[k] for k in range(TOGETHER)])
    move = shuffled(builder, a, b, [k + TOGETHER * (1 - odd[k]) for k in range(TOGETHER)])
    return builder.fadd(stay, shuffled(builder, move, move, [k ^ block for k in range(TOGETHER)]))


def names(number: Any) -> dict[str, Any]:
    """What kernel text may use, by name."""
    return {
        "rows": rows_of(number),
        "spread": spread,
        "after": after,
        "below": below,
        "gather": gather,
        "scatter": scatter,
        "folded": folded_of(number),
        "totals": totals,
    }
