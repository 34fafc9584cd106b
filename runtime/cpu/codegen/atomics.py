"""Atomic operations and waiting, as functions of the kernel language.

A thread that waits for a moment looks at a word again and again; one that waits for long sleeps in
`read`, until another writes to the same event of Linux.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from gradc_runtime.cpu.codegen.intrinsics import I32, I64, WORDS
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import intrinsic
from gradc_runtime.cpu.codegen.language.translate_calls import declared
from gradc_runtime.cpu.codegen.target import host


def atomic_change(operation: str) -> Any:
    """A function of (words, k, value) that changes words[k] and gives what was there before.

    It is one indivisible act, after everything this thread has written so far.
    """

    @intrinsic
    def change(words: Any, k: Any, value: Any) -> Any:
        def generate(builder: Any, args: Any) -> Any:
            place = builder.gep(args[0], [args[1]])
            return builder.atomic_rmw(operation, place, args[2], "acq_rel")

        return kernel_types.int64(WORDS, kernel_types.int64, kernel_types.int64), generate

    return change


atomic_add = atomic_change("add")
atomic_exchange = atomic_change("xchg")


@intrinsic
def atomic_load(words: Any, k: Any) -> Any:
    """words[k], and with it all that was written before its `atomic_store`."""

    def generate(builder: Any, args: Any) -> Any:
        return builder.load_atomic(builder.gep(args[0], [args[1]]), "acquire", 8)

    return kernel_types.int64(WORDS, kernel_types.int64), generate


@intrinsic
def atomic_store(words: Any, k: Any, value: Any) -> Any:
    """words[k] = value, after everything this thread has written so far."""

    def generate(builder: Any, args: Any) -> Any:
        builder.store_atomic(args[2], builder.gep(args[0], [args[1]]), "release", 8)

    return kernel_types.void(WORDS, kernel_types.int64, kernel_types.int64), generate


@intrinsic
def yield_core() -> Any:
    """Let another thread have this core (`sched_yield`)."""

    def generate(builder: Any, args: Any) -> Any:
        shape = ir.FunctionType(I32, [])
        builder.call(declared(builder.module, "sched_yield", shape), [])

    return kernel_types.void(), generate


@intrinsic
def sleep_us(microseconds: Any) -> Any:
    """Let others have this core for a while (`usleep`)."""

    def generate(builder: Any, args: Any) -> Any:
        sleep = declared(builder.module, "usleep", ir.FunctionType(I32, [I32]))
        builder.call(sleep, [builder.trunc(args[0], I32)])

    return kernel_types.void(kernel_types.int64), generate


@intrinsic
def atomic_cas(words: Any, k: Any, expected: Any, value: Any) -> Any:
    """words[k] = value if it is as expected, as one indivisible act; gives what was there."""

    def generate(builder: Any, args: Any) -> Any:
        place = builder.gep(args[0], [args[1]])
        found = builder.cmpxchg(place, args[2], args[3], "acq_rel", "acquire")
        return builder.extract_value(found, 0)

    return kernel_types.int64(WORDS, *[kernel_types.int64] * 3), generate


@intrinsic
def pause() -> Any:
    """The processor's hint that a loop only waits (`pause` on x86, some tens of cycles)."""

    def generate(builder: Any, args: Any) -> Any:
        if host().is_x86:
            shape = ir.FunctionType(ir.VoidType(), [])
            builder.call(declared(builder.module, "llvm.x86.sse2.pause", shape), [])
        elif host().is_arm:
            shape = ir.FunctionType(ir.VoidType(), [I32])
            hint = declared(builder.module, "llvm.aarch64.hint", shape)
            builder.call(hint, [ir.Constant(I32, 1)])

    return kernel_types.void(), generate


@intrinsic
def own_core() -> Any:
    """The number of the core that this thread is on."""

    def generate(builder: Any, args: Any) -> Any:
        number = declared(builder.module, "sched_getcpu", ir.FunctionType(I32, []))
        return builder.sext(builder.call(number, []), I64)

    return kernel_types.int64(), generate


def word_through(function: str) -> Any:
    """The C library's `read` or `write`, of one int64 that is 1, on a file descriptor; the result
    is how many bytes it moved.
    """

    @intrinsic
    def transfer(event: Any) -> Any:
        def generate(builder: Any, args: Any) -> Any:
            with builder.goto_entry_block():
                place = builder.alloca(I64)
            builder.store(I64(1), place)
            shape = ir.FunctionType(I64, [I32, I64.as_pointer(), I64])
            known = declared(builder.module, function, shape)
            return builder.call(known, [builder.trunc(args[0], I32), place, I64(8)])

        return kernel_types.int64(kernel_types.int64), generate

    return transfer
