"""Intrinsics of the kernel language: memory at an address, calls through an address, prefetching.

Kernels get plain addresses, not arrays, so that one C signature serves them all.  Each function
here is a few LLVM instructions, inlined where it is used.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.convert import fixed
from gradc_runtime.cpu.codegen.language.subroutines import SUM, intrinsic, literal_intrinsic
from gradc_runtime.cpu.codegen.language.translate_calls import declared

I1, I8, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
WORDS = kernel_types.CPointer(kernel_types.int64)
LINE = MACHINE.line_bytes  # bytes


def pointer_reader(element: Any) -> Any:
    """The function that reads pointers[k] as the address of `element`s."""

    @intrinsic
    def read(pointers: Any, k: Any) -> Any:
        signature = kernel_types.CPointer(element)(WORDS, kernel_types.int64)

        def generate(builder: Any, args: Any) -> Any:
            address = builder.load(builder.gep(args[0], [args[1]]))
            return builder.inttoptr(address, element.llvm.as_pointer())

        return signature, generate

    return read


@intrinsic
def words_at(address: Any) -> Any:
    """The int64 words at an address."""

    def generate(builder: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], I64.as_pointer())

    return WORDS(kernel_types.int64), generate


@intrinsic
def address_of(words: Any) -> Any:
    """The address of int64 words."""

    def generate(builder: Any, args: Any) -> Any:
        return builder.ptrtoint(args[0], I64)

    return kernel_types.int64(WORDS), generate


@intrinsic
def bytes_at(address: Any) -> Any:
    """The bytes at an address."""

    def generate(builder: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return kernel_types.CPointer(kernel_types.uint8)(kernel_types.int64), generate


@literal_intrinsic
def stack_words(count: Any) -> Any:
    """A zeroed array of int64 words on the stack; `count` is a literal."""
    size = count.literal_value

    def generate(builder: Any, args: Any) -> Any:
        kind = ir.ArrayType(I64, size)
        with builder.goto_entry_block():
            array = builder.alloca(kind)
        builder.store(ir.Constant(kind, None), array)
        return builder.bitcast(array, I64.as_pointer())

    return WORDS(count), generate


def write_fetch(builder: Any, pointer: Any) -> None:
    """Write a prefetch, for reading, of the cache line at an address; it need not be valid."""
    kinds = [I8.as_pointer(), I32, I32, I32]  # the address; to read, often, numbers
    function = declared(builder.module, "llvm.prefetch", ir.FunctionType(ir.VoidType(), kinds))
    place = builder.bitcast(pointer, I8.as_pointer())
    builder.call(function, [place, *(ir.Constant(I32, k) for k in (0, 3, 1))])


@intrinsic
def fetch(numbers: Any, k: Any) -> Any:
    """Prefetch the cache line of numbers[k] for reading."""

    def generate(builder: Any, args: Any) -> Any:
        write_fetch(builder, builder.gep(args[0], [args[1]]))

    return kernel_types.void(numbers, kernel_types.int64), generate


def stack_room(number: Any, count: int) -> Any:
    """A function of nothing that gives room for `count` numbers on the stack, not cleared.

    It begins with a cache line, so that no vector lies across two.
    """

    @intrinsic
    def room() -> Any:
        def generate(builder: Any, args: Any) -> Any:
            kind = number.llvm
            with builder.goto_entry_block():
                array = builder.alloca(ir.ArrayType(kind, count))
            array.align = LINE
            return builder.bitcast(array, kind.as_pointer())

        return kernel_types.CPointer(number)(), generate

    return room


@intrinsic
def call_kernel(kernel: Any, pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> Any:
    """Call `void kernel(pointers, geometry, begin, end, first)` at an address."""
    number = kernel_types.int64

    def generate(builder: Any, args: Any) -> Any:
        words = I64.as_pointer()
        shape = ir.FunctionType(ir.VoidType(), [words, words, I64, I64, I64])
        builder.call(builder.inttoptr(args[0], shape.as_pointer()), args[1:])

    return kernel_types.void(number, WORDS, WORDS, number, number, number), generate


@intrinsic
def choose(condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, else b; both are evaluated, nothing branches."""
    kind = kernel_types.unify(a, b)

    def generate(builder: Any, args: Any) -> Any:
        return builder.select(*args)

    return kind(kernel_types.boolean, kind, kind), generate


@intrinsic
def likely(condition: Any) -> Any:
    """The condition, with a hint that it holds: LLVM keeps a branch, rather than compute both."""

    def generate(builder: Any, args: Any) -> Any:
        shape = ir.FunctionType(I1, [I1, I1])
        expect = declared(builder.module, "llvm.expect.i1", shape)
        return builder.call(expect, [args[0], ir.Constant(I1, 1)])

    return kernel_types.boolean(kernel_types.boolean), generate


def of_a_sum(operation: str) -> Any:
    """`fadd` or `fmul` of a sum: LLVM may change the order of its terms, or fuse the two."""

    @intrinsic
    def apply(a: Any, b: Any) -> Any:
        kind = kernel_types.unify(a, b)

        def generate(builder: Any, args: Any) -> Any:
            return getattr(builder, operation)(*args, flags=SUM)

        return kind(kind, kind), generate

    return apply


def like(number: Any, kind: Any) -> Any:
    """An LLVM number type; a vector of it, if `kind` is a vector."""
    return ir.VectorType(number, kind.count) if isinstance(kind, ir.VectorType) else number


def suffix(kind: Any) -> str:
    """How LLVM's intrinsics name a type: f32, i64, v32f64."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{suffix(kind.element)}"
    if isinstance(kind, ir.IntType):
        return f"i{kind.width}"
    return "f32" if kind == ir.FloatType() else "f64"


@intrinsic
def bits_of(x: Any) -> Any:
    """The bits of a float32, as an int32."""

    def generate(builder: Any, args: Any) -> Any:
        return builder.bitcast(args[0], like(I32, args[0].type))

    return kernel_types.int32(kernel_types.float32), generate


@intrinsic
def of_bits(bits: Any) -> Any:
    """The float32 that has these bits."""

    def generate(builder: Any, args: Any) -> Any:
        return builder.bitcast(args[0], like(ir.FloatType(), args[0].type))

    return kernel_types.float32(kernel_types.int32), generate


def int32_function(operation: str) -> Any:
    """add, and_, shl or ashr of int32; Python's own operators would widen them to int64."""

    @intrinsic
    def apply(a: Any, b: Any) -> Any:
        def generate(builder: Any, args: Any) -> Any:
            return getattr(builder, operation)(*args)

        return kernel_types.int32(kernel_types.int32, kernel_types.int32), generate

    return apply


def polynomial(number: Any, *coefficients: float) -> Any:
    """A function of x by Horner's rule, highest power first, fused multiply-adds only."""

    @intrinsic
    def evaluate(x: Any) -> Any:
        def generate(builder: Any, args: Any) -> Any:
            kind = args[0].type
            shape = ir.FunctionType(kind, [kind] * 3)
            multiply_add = declared(builder.module, f"llvm.fmuladd.{suffix(kind)}", shape)
            total = fixed(kind, coefficients[0])
            for coefficient in coefficients[1:]:
                following = fixed(kind, coefficient)
                total = builder.call(multiply_add, [total, args[0], following])
            return total

        return number(number), generate

    return evaluate


def llvm_function(name: str, count: int = 1) -> Any:
    """An LLVM intrinsic of one to three floats, which is an instruction or a few: sqrt, maximum."""

    def signature(x: Any) -> Any:
        def generate(builder: Any, args: Any) -> Any:
            kind = args[0].type
            shape = ir.FunctionType(kind, [kind] * count)
            function = declared(builder.module, f"llvm.{name}.{suffix(kind)}", shape)
            return builder.call(function, args)

        return x(*[x] * count), generate

    if count == 1:
        return intrinsic(lambda x: signature(x))
    if count == 3:
        return intrinsic(lambda a, b, c: signature(kernel_types.unify(kernel_types.unify(a, b), c)))
    return intrinsic(lambda a, b: signature(kernel_types.unify(a, b)))
