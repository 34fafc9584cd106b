"""Values while a kernel is translated: literals, and conversions between numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.kernel_types import LiteralType, NumberType, Type, Vector


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value of a type; `literal` is the whole number that it is known to be."""

    type: Type
    llvm: Any
    literal: int | None = None


def constant(value: Any) -> TypedValue:
    """A number of Python or NumPy; Python's are int64 and float64.

    Raises `TypeError` for anything else.
    """
    match value:
        case bool() | np.bool_():
            return TypedValue(
                kernel_types.boolean, ir.Constant(kernel_types.boolean.llvm, int(value))
            )
        case int():
            return TypedValue(
                kernel_types.int64, ir.Constant(kernel_types.int64.llvm, value), value
            )
        case np.generic() if isinstance(value, np.float32 | np.int32):
            kind = kernel_types.float32 if isinstance(value, np.float32) else kernel_types.int32
            return TypedValue(kind, ir.Constant(kind.llvm, value.item()))
        case float():
            return TypedValue(
                kernel_types.float64, ir.Constant(kernel_types.float64.llvm, float(value))
            )
    raise TypeError(f"a {type(value).__name__} is no number")


def convert(builder: ir.IRBuilder, value: TypedValue, target: Type) -> TypedValue:
    """The value as another type, as C converts it; a number becomes a vector by repetition.

    Raises `TypeError` between types that do not convert.
    """
    source = value.type
    if source == target or isinstance(target, LiteralType):
        return value
    if isinstance(target, Vector) and isinstance(source, NumberType):
        return TypedValue(target, spread(builder, convert(builder, value, target.element), target))
    old, new = kernel_types.lane(source), kernel_types.lane(target)
    whole = kernel_types.count_of(source) == kernel_types.count_of(target)
    if not (whole and isinstance(old, NumberType) and isinstance(new, NumberType)):
        raise TypeError(f"{source} is not {target}")
    if new == kernel_types.boolean:
        return TypedValue(target, truth(builder, value))
    return TypedValue(target, builder_of(builder, old, new)(value.llvm, target.llvm))


def spread(builder: ir.IRBuilder, value: TypedValue, vector: Vector) -> Any:
    """The same number in every lane."""
    nothing, first = ir.Constant(vector.llvm, ir.Undefined), ir.Constant(ir.IntType(32), 0)
    single = builder.insert_element(nothing, value.llvm, first)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(single, nothing, zeros)


def fixed(kind: Any, value: float) -> Any:
    """A constant of an LLVM type, in every lane of a vector."""
    lanes = isinstance(kind, ir.VectorType)
    return ir.Constant(kind, [value] * kind.count if lanes else value)


def builder_of(builder: ir.IRBuilder, source: NumberType, target: NumberType) -> Any:
    """The instruction that converts one number to another."""
    unsigned = source in (kernel_types.boolean, kernel_types.uint8)
    match source.real, target.real:
        case False, False if source.bits < target.bits:
            return builder.zext if unsigned else builder.sext
        case False, False:
            return builder.trunc
        case False, True:
            return builder.uitofp if unsigned else builder.sitofp
        case True, False:
            return builder.fptosi
    return builder.fpext if source.bits < target.bits else builder.fptrunc


def decision(builder: ir.IRBuilder, value: TypedValue) -> Any:
    """Which way a branch goes; the lanes of a vector may not differ about that.

    Raises `TypeError` for a vector.
    """
    if isinstance(value.type, Vector):
        raise TypeError(f"{value.type} goes no single way")
    return truth(builder, value)


def truth(builder: ir.IRBuilder, value: TypedValue) -> Any:
    """Whether a number is not zero, as one bit (of each lane).

    Raises `TypeError` for what is no number.
    """
    match kernel_types.lane(value.type):
        case kernel_types.boolean:
            return value.llvm
        case NumberType(real=True):
            return builder.fcmp_unordered("!=", value.llvm, fixed(value.type.llvm, 0.0))
        case NumberType():
            return builder.icmp_signed("!=", value.llvm, fixed(value.type.llvm, 0))
    raise TypeError(f"{value.type} is no condition")
