"""Kernel to object code: Numba types and lowers it, LLVM optimises it, nothing of Python remains.

The result is position-independent code with one C symbol, `void symbol(int64 *pointers, int64
*geometry, int64 begin, int64 end, int64 first)`.  It needs no interpreter and no Numba: `link`
loads it, and a C compiler could.

This is the only module of the back end, with what it imports, that needs Numba.  `compile` loads it
when a kernel is missing from the cache, so a warm start does without.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from runtime.cpu import scalars
from runtime.cpu.intrinsics import WORDS
from runtime.cpu.machine import host
from runtime.cpu.numba_untyped import compiler, compiler_lock, cpu_target, types
from runtime.cpu.source import checked_function
from runtime.cpu.subroutine import CONTEXT, FAST, flags

ARGUMENTS = (WORDS, WORDS, types.int64, types.int64, types.int64)
WRAPPER = """
declare i32 @"{inner}"(ptr, ptr, ptr, ptr, i64, i64, i64)
define void @{symbol}(ptr %p, ptr %g, i64 %b, i64 %e, i64 %f) {{
  %result = alloca ptr
  %error = alloca ptr
  %status = call i32 @"{inner}"(ptr %result, ptr %error, ptr %p, ptr %g, i64 %b, i64 %e, i64 %f)
  ret void
}}
"""


def allow_many_pointers() -> None:
    """Let LLVM compare 128 pairs of pointers before a loop; at its limit of 8 code is scalar."""
    llvm.set_option("gradc", "--runtime-memory-check-threshold=128")


allow_many_pointers()


@cache
def target_machine() -> Any:
    """Code for this processor, which may be placed anywhere in memory.

    Its sections too: beside gigabytes of data they may lie more than 2 GB apart, which the small
    code model cannot reach across; and the large one with `pic` is not linked rightly by MCJIT.
    """
    machine = host()
    target = llvm.Target.from_triple(machine.triple)
    return target.create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=3, reloc="static", codemodel="large"
    )


def numba_module(function: Callable[..., None]) -> tuple[Any, str]:
    """The LLVM module of a Python function, not yet optimised, and the function's name in it."""
    typing = cpu_target.typing_context
    with compiler_lock:
        CONTEXT.refresh()
        typing.refresh()
        result = compiler.compile_extra(
            typing, CONTEXT, function, ARGUMENTS, types.none, flags(FAST), {}
        )
        result.library.finalize()
    return result.library._final_module, result.fndesc.llvm_func_name


def optimise(module: Any, symbol: str) -> None:
    """Make everything but `symbol` private, then let LLVM inline, vectorise and drop the rest."""
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != symbol:
            value.linkage = "internal"
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(target_machine(), options)
    builder.getModulePassManager().run(module, builder)


def machine_module(function: Callable[..., None], symbol: str) -> Any:
    """The LLVM module of a kernel with its C symbol."""
    module, inner = numba_module(function)
    module.link_in(llvm.parse_assembly(WRAPPER.format(inner=inner, symbol=symbol)))
    optimise(module, symbol)
    module.verify()
    return module


def generated_function(text: str, word: int) -> Callable[..., None]:
    """The Python function of checked kernel text."""
    name, tree = checked_function(text)
    names = dict(scalars.names(word))
    exec(compile(tree, f"<kernel {name}>", "exec"), names)
    function: Callable[..., None] = names[name]
    return function


def library_function(name: str, word: int) -> Callable[..., None]:
    """A kernel of the library: module `kernels.<name>` makes it for a size of word."""
    module = importlib.import_module(f"runtime.cpu.kernels.{name}")
    function: Callable[..., None] = module.kernel(word)
    return function


def kernel_module(name: str, source: str | None, word: int, symbol: str) -> Any:
    """The LLVM module of a generated kernel, or of a library kernel where `source` is None."""
    if source is None:
        return machine_module(library_function(name, word), symbol)
    return machine_module(generated_function(source, word), symbol)


def object_code(name: str, source: str | None, word: int, symbol: str) -> bytes:
    """A kernel as an object file."""
    code: bytes = target_machine().emit_object(kernel_module(name, source, word, symbol))
    return code


def assembly(name: str, source: str | None, word: int) -> str:
    """A kernel as assembly text, for people and tests."""
    text: str = target_machine().emit_assembly(kernel_module(name, source, word, "kernel"))
    return text
