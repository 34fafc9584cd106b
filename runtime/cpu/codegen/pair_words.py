"""Words of two bfloat16, as LLVM instructions: rounded, packed, and multiplied.

A word holds two neighbours of a sum, the first in its lower half.  AVX512-BF16 multiplies a vector
of such words: each product of two bfloat16 is exact in float32; that of the upper halves is added
first, then that of the lower ones, each sum rounded to the nearest and less than the least normal
number a zero.  Where a processor has no such instruction, halves are widened to float32 and added
in the same order; the step runs with denormal numbers as zeros (`flush_to_zero.py`), so all
processors come to the same bits but those whose matrix unit multiplies (`gemm/matrix_tiles.py`).

Background: Intel 64 and IA-32 Architectures Software Developer's Manual, VDPBF16PS.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_runtime.cpu.codegen.intrinsics import I32, like, suffix
from gradc_runtime.cpu.codegen.language.translate_calls import declared
from gradc_runtime.cpu.codegen.target import host

I16 = ir.IntType(16)
HALF, UPPER, BELOW_HALF, QUIET = 16, -(2**16), 0x7FFF, 0x400000


class Bfloat(ir.Type):  # type: ignore[misc]
    """LLVM's bfloat, for which llvmlite has no class."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bfloat)

    def __hash__(self) -> int:
        return hash(Bfloat)


def whole(kind: ir.Type, number: int) -> ir.Constant:
    """A whole number, or a vector of it."""
    lanes = isinstance(kind, ir.VectorType)
    return ir.Constant(kind, [number] * kind.count if lanes else number)


def rounded_bits(builder: Any, x: ir.Value) -> ir.Value:
    """The bits of float32 numbers, whose upper half becomes the nearest bfloat16: ties to even, NaN
    kept.

    The lower half has no meaning.
    """
    kind = like(I32, x.type)
    bits = builder.bitcast(x, kind)
    odd = builder.and_(builder.lshr(bits, whole(kind, HALF)), whole(kind, 1))
    nearest = builder.add(bits, builder.add(odd, whole(kind, BELOW_HALF)))
    quiet = builder.or_(bits, whole(kind, QUIET))
    return builder.select(builder.fcmp_unordered("uno", x, x), quiet, nearest)


def rounded(builder: Any, x: ir.Value) -> ir.Value:
    """Numbers rounded to bfloat16; float64s to float32 before."""
    if (kind := like(ir.DoubleType(), x.type)) == x.type:
        single = builder.fptrunc(x, like(ir.FloatType(), kind))
        return builder.fpext(rounded(builder, single), kind)
    bits = rounded_bits(builder, x)
    return builder.bitcast(builder.and_(bits, whole(bits.type, UPPER)), x.type)


def word_of(builder: Any, first: ir.Value, second: ir.Value) -> ir.Value:
    """Words of two numbers each, by their bits: of one for the lower half, and of one for the
    upper.
    """
    low, high = (rounded_bits(builder, x) for x in (first, second))
    lower = builder.lshr(low, whole(low.type, HALF))
    words = builder.or_(lower, builder.and_(high, whole(high.type, UPPER)))
    return builder.bitcast(words, first.type)


def _both(builder: Any, first: ir.Value, second: ir.Value) -> ir.Value:
    """Two vectors as bfloat16, one after the other, by one instruction."""
    pair = ir.VectorType(Bfloat(), 2 * first.type.count)
    shape = ir.FunctionType(pair, [first.type] * 2)
    convert = declared(builder.module, "llvm.x86.avx512bf16.cvtne2ps2bf16.512", shape)
    return builder.call(convert, [second, first])


def interleaved(builder: Any, first: ir.Value, second: ir.Value) -> ir.Value:
    """Words of two vectors: lane k has a number from the k-th lane of each."""
    if not host().multiplies_pairs:
        return word_of(builder, first, second)
    lanes = first.type.count
    halves = builder.bitcast(_both(builder, first, second), ir.VectorType(I16, 2 * lanes))
    order = ir.Constant(
        ir.VectorType(I32, 2 * lanes), [k // 2 + lanes * (k % 2) for k in range(2 * lanes)]
    )
    return builder.bitcast(builder.shuffle_vector(halves, halves, order), first.type)


def neighbours(builder: Any, first: ir.Value, second: ir.Value) -> ir.Value:
    """Words of two vectors that follow one another in memory: each has two numbers that were
    neighbours there.
    """
    if host().multiplies_pairs:
        return builder.bitcast(_both(builder, first, second), first.type)
    kind, lanes = ir.VectorType(I32, first.type.count), range(first.type.count)
    masks = [ir.Constant(kind, [2 * k + odd for k in lanes]) for odd in (0, 1)]
    even, odd = (builder.shuffle_vector(first, second, mask) for mask in masks)
    return word_of(builder, even, odd)


def multiply_pairs(builder: Any, a: ir.Value, b: ir.Value, total: ir.Value) -> ir.Value:
    """Total + the product of the upper halves of two vectors of words + the product of their lower
    halves, added in this order.
    """
    vector = total.type
    if host().multiplies_pairs:
        pair = ir.VectorType(Bfloat(), 2 * vector.count)
        shape = ir.FunctionType(vector, [vector, pair, pair])
        dot = declared(builder.module, "llvm.x86.avx512bf16.dpbf16ps.512", shape)
        return builder.call(dot, [total, builder.bitcast(a, pair), builder.bitcast(b, pair)])
    shape = ir.FunctionType(vector, [vector] * 3)
    add = declared(builder.module, f"llvm.fmuladd.{suffix(vector)}", shape)
    for half in (_upper, _lower):
        total = builder.call(add, [half(builder, a), half(builder, b), total])
    return total


def _upper(builder: Any, words: ir.Value) -> ir.Value:
    """The upper halves as float32."""
    bits = builder.bitcast(words, like(I32, words.type))
    return builder.bitcast(builder.and_(bits, whole(bits.type, UPPER)), words.type)


def _lower(builder: Any, words: ir.Value) -> ir.Value:
    """The lower halves as float32."""
    bits = builder.bitcast(words, like(I32, words.type))
    return builder.bitcast(builder.shl(bits, whole(bits.type, HALF)), words.type)
