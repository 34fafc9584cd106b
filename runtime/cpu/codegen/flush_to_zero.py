"""Flush-to-zero: denormal numbers count as 0 while a step runs.

A moment of Adam whose gradient has died shrinks by a tenth a step and then stays at the least
number there is, for good; arithmetic on such numbers is several times slower.  Processors have a
switch: native code sets it on its thread and leaves it as it was.  Results differ by 1e-38 at most.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_runtime.cpu.codegen.intrinsics import I32, I64
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import intrinsic
from gradc_runtime.cpu.codegen.language.translate_calls import declared
from gradc_runtime.cpu.codegen.target import host

X86_ZEROS = (1 << 15) | (1 << 6)  # results and operands, in MXCSR
ARM_ZEROS = 1 << 24  # in FPCR


def _x86(builder: Any, name: str, place: Any) -> None:
    byte = ir.IntType(8).as_pointer()
    shape = ir.FunctionType(ir.VoidType(), [byte])
    builder.call(declared(builder.module, name, shape), [builder.bitcast(place, byte)])


@intrinsic
def get_float_mode() -> Any:
    """The floating-point control word of this thread (MXCSR on x86); 0 where it is not known."""

    def generate(builder: Any, args: Any) -> Any:
        if host().is_x86:
            place = builder.alloca(I32)
            _x86(builder, "llvm.x86.sse.stmxcsr", place)
            return builder.zext(builder.load(place), I64)
        if host().is_arm:
            shape = ir.FunctionType(I64, [])
            return builder.call(declared(builder.module, "llvm.aarch64.get.fpcr", shape), [])
        return ir.Constant(I64, 0)

    return kernel_types.int64(), generate


@intrinsic
def set_float_mode(mode: Any) -> Any:
    """Set the floating-point control word of this thread to one that `get_float_mode` gave."""

    def generate(builder: Any, args: Any) -> Any:
        if host().is_x86:
            place = builder.alloca(I32)
            builder.store(builder.trunc(args[0], I32), place)
            _x86(builder, "llvm.x86.sse.ldmxcsr", place)
        elif host().is_arm:
            shape = ir.FunctionType(ir.VoidType(), [I64])
            builder.call(declared(builder.module, "llvm.aarch64.set.fpcr", shape), [args[0]])

    return kernel_types.void(kernel_types.int64), generate


def zeros() -> int:
    """The bits of the control word that make denormal numbers count as 0."""
    return X86_ZEROS if host().is_x86 else ARM_ZEROS
