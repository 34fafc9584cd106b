"""Kernel to object code by way of Numba: from the same text, with the same C symbol.

Numba infers the types, lowers a kernel and all that it calls, and optimises it.  Its functions tell
by a status whether Python must raise an exception; a kernel has nothing that could (no loop has a
step of 0), so the C symbol calls Numba's function and ignores the status, and nothing of Python is
left in the object.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numba

from gradc_runtime.cpu.codegen import scalar_math
from gradc_runtime.cpu.codegen.build_kernel import (
    GENERATED_LEVEL,
    LIBRARY_LEVEL,
    library_function,
    optimised,
    target_machine,
)
from gradc_runtime.cpu.codegen.definitions import subroutines_of
from gradc_runtime.cpu.codegen.language.subroutines import EXACT, FAST
from gradc_runtime.cpu.codegen.target import host, without_tiles
from gradc_runtime.cpu.codegen.verify_source import checked_kernel
from gradc_runtime.cpu.numba_jit.numba_functions import rebound, written
from gradc_runtime.cpu.numba_jit.numba_types import KERNEL

WRAPPER = """
define void @{symbol}(ptr %0, ptr %1, i64 %2, i64 %3, i64 %4) {{
    %result = alloca ptr
    %exception = alloca ptr
    %status = call i32 @{function}(ptr %result, ptr %exception,
                                   ptr %0, ptr %1, i64 %2, i64 %3, i64 %4)
    ret void
}}
declare i32 @{function}(ptr, ptr, ptr, ptr, i64, i64, i64)
"""


def object_code(name: str, source: str | None, word: int, symbol: str) -> bytes:
    """A kernel as an object file."""
    code: bytes = target_machine().emit_object(kernel_module(name, source, word, symbol))
    return code


def kernel_module(name: str, source: str | None, word: int, symbol: str) -> Any:
    """The LLVM module of a generated kernel, or of a library kernel where `source` is None."""
    function, fastmath, level = python_function(name, source, word)
    njit: Any = numba.njit  # its stubs do not know all its options
    dispatcher = njit(
        KERNEL, error_model="numpy", fastmath=set(fastmath) if fastmath != EXACT else False,
        no_cpython_wrapper=True, no_cfunc_wrapper=True,
    )(function)  # fmt: skip
    (compiled,) = dispatcher.overloads.values()
    inner = compiled.fndesc.llvm_func_name
    module = llvm.parse_assembly(compiled.library.get_llvm_str())
    module.link_in(llvm.parse_assembly(WRAPPER.format(symbol=symbol, function=inner)))
    module.get_function(inner).add_function_attribute("alwaysinline")
    module.triple, module.data_layout = host().triple, str(target_machine().target_data)
    return optimised(module, symbol, level)


def python_function(name: str, source: str | None, word: int) -> tuple[Any, tuple[str, ...], int]:
    """What Numba is given, the liberties of its arithmetic, and LLVM's level of optimisation."""
    if source is None:
        with without_tiles():
            return rebound(library_function(name, word)), FAST, LIBRARY_LEVEL
    kernel, formulas = checked_kernel(source)
    names = scalar_math.names(word) | subroutines_of(formulas)
    return written(kernel, names), EXACT, GENERATED_LEVEL
