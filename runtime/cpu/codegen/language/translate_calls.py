"""Calls: of subroutines, of intrinsics, of the few functions of Python that the language knows.

Called with vectors, a function of numbers is worked out in all lanes at once: an intrinsic writes
the same instructions for vectors, a subroutine is translated once more.  What has no instructions
for that, the C library of float64, is called for one lane after another.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.convert import TypedValue, convert
from gradc_runtime.cpu.codegen.language.frame import Frame
from gradc_runtime.cpu.codegen.language.kernel_types import (
    KernelSignature,
    LiteralType,
    NumberType,
    Vector,
)
from gradc_runtime.cpu.codegen.language.subroutines import SUBROUTINES, Intrinsic

MATHEMATICS = {  # of the C library, some of them known to LLVM
    math.exp: "llvm.exp.f64", math.log: "llvm.log.f64", math.sin: "llvm.sin.f64",
    math.cos: "llvm.cos.f64", math.pow: "llvm.pow.f64", math.tanh: "tanh", math.erf: "erf",
    math.fmod: "fmod", math.expm1: "expm1", math.log1p: "log1p",
}  # fmt: skip


def call(frame: Frame, callee: Any, given: list[TypedValue]) -> TypedValue:
    """Call a subroutine, an intrinsic, a type, or one of the few functions of Python."""
    builder = frame.builder
    if isinstance(callee, Intrinsic):
        return call_intrinsic(builder, callee, given)
    count = kernel_types.count_of(*(value.type for value in given))
    if callee in MATHEMATICS or callee in SUBROUTINES:
        known = SUBROUTINES.get(callee)
        double = known is None or known.signature.result == kernel_types.float64
        if count and double:
            return lane_by_lane(frame, callee, given, count)
        if known is not None:
            signature = lifted(known.signature, count)
            return called(builder, frame.subroutine(callee, count), signature, given)
        signature = kernel_types.float64(*[kernel_types.float64] * len(given))
        return called(builder, of_library(builder.module, callee, signature), signature, given)
    if callee in (min, max):
        return extreme(builder, "<" if callee is min else ">", *given)
    kind = callee if isinstance(callee, NumberType) else getattr(kernel_types, callee.__name__)
    return convert(builder, given[0], kernel_types.widened(kind, count))


def called(
    builder: ir.IRBuilder,
    function: ir.Function,
    signature: KernelSignature,
    given: list[TypedValue],
) -> TypedValue:
    """A function's result for some arguments, once they have its types."""
    wanted = zip(given, signature.arguments, strict=True)
    arguments = [convert(builder, value, kind).llvm for value, kind in wanted]
    return TypedValue(signature.result, builder.call(function, arguments))


def lifted(signature: KernelSignature, count: int) -> KernelSignature:
    """A signature with each number a vector of `count` lanes; the same one where `count` is 0."""
    arguments = tuple(kernel_types.widened(kind, count) for kind in signature.arguments)
    return KernelSignature(kernel_types.widened(signature.result, count), arguments)


def lane_by_lane(frame: Frame, callee: Any, given: list[TypedValue], count: int) -> TypedValue:
    """A function of numbers, called for each lane in turn."""
    builder = frame.builder
    kind = kernel_types.widened(kernel_types.float64, count)
    total = ir.Constant(kind.llvm, ir.Undefined)
    for k in range(count):
        place = ir.Constant(ir.IntType(32), k)
        single = [
            TypedValue(v.type.element, builder.extract_element(v.llvm, place))
            if isinstance(v.type, Vector)
            else v
            for v in given
        ]
        found = convert(builder, call(frame, callee, single), kernel_types.float64)
        total = builder.insert_element(total, found.llvm, place)
    return TypedValue(kind, total)


def call_intrinsic(builder: ir.IRBuilder, callee: Intrinsic, given: list[TypedValue]) -> TypedValue:
    """Write an intrinsic's instructions here."""
    kinds = [
        LiteralType(f"literal {v.literal}", v.type.llvm, v.literal)
        if callee.literals and v.literal is not None
        else v.type
        for v in given
    ]
    count = 0 if callee.vectors else kernel_types.count_of(*kinds)
    signature, generate = callee.write(
        *(kernel_types.lane(kind) if count else kind for kind in kinds)
    )
    signature = lifted(signature, count) if count else signature
    wanted = zip(given, signature.arguments, strict=True)
    arguments = [convert(builder, value, kind).llvm for value, kind in wanted]
    return TypedValue(signature.result, generate(builder, arguments))


def extreme(builder: ir.IRBuilder, sign: str, a: TypedValue, b: TypedValue) -> TypedValue:
    """Python's min and max of two whole numbers."""
    x, y = (
        convert(builder, a, kernel_types.int64).llvm,
        convert(builder, b, kernel_types.int64).llvm,
    )
    return TypedValue(kernel_types.int64, builder.select(builder.icmp_signed(sign, x, y), x, y))


def of_library(module: ir.Module, callee: Any, signature: KernelSignature) -> ir.Function:
    """A function of the C library."""
    arguments = [kind.llvm for kind in signature.arguments]
    return declared(module, MATHEMATICS[callee], ir.FunctionType(signature.result.llvm, arguments))


def declared(module: ir.Module, name: str, shape: ir.FunctionType) -> ir.Function:
    """A function that is defined elsewhere, declared once in a module."""
    return module.globals.get(name) or ir.Function(module, shape, name)
