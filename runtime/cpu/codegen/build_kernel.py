"""Kernel to object code: translated to LLVM, optimised, and nothing of Python remains.

The result is code with one C symbol, `void symbol(int64 *pointers, int64 *geometry, int64 begin,
int64 end, int64 first)`.  It needs no interpreter: `link` loads it, and a C compiler could.

`compile_kernels` imports this module when a kernel is missing from the cache; a warm start does
without.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from gradc_compiler.program.kernel_abi import COMPENSATED, ROUNDED, product_of
from gradc_runtime.cpu.codegen import scalar_math
from gradc_runtime.cpu.codegen.definitions import subroutines_of
from gradc_runtime.cpu.codegen.language.translate import names_of, translate, tree_of
from gradc_runtime.cpu.codegen.target import host, without_tiles
from gradc_runtime.cpu.codegen.verify_source import checked_kernel

LIBRARY = {  # by name of a library kernel: the module whose `kernel(word)` gives it; after names
    # that end with `_bf16` and `_compensated` theirs, such as `compensated_rounded_kernel(word)`
    "alone": "interpreter.trampoline",
    "contract_any": "gemm.reference_gemm",
    "contract_dots": "gemm.gemm_nt",
    "contract_lanes": "gemm.depthwise",
    "contract_rows": "gemm.gemm_nn",
    "fill": "gemm.memset",
    "lead": "threads.fork_join",
    "meet": "interpreter.meetings",
    "serve": "threads.worker",
    "straight": "interpreter.single_kernel",
    "transpose": "gemm.transpose",
    "walk": "interpreter.dispatch",
    "weight_strips": "gemm.weight_strips",
}
LIBRARY_LEVEL = 1  # of optimisation: its tiles are written as vectors; half the time to build
GENERATED_LEVEL = 3


def allow_many_pointers() -> None:
    """Let LLVM compare 128 pairs of pointers before a loop; at its limit of 8 code is scalar."""
    llvm.set_option("gradc", "--runtime-memory-check-threshold=128")


allow_many_pointers()


@cache
def target_machine() -> Any:
    """The processor that code is for; the code may be placed anywhere in memory.

    Its sections may lie more than 2 GB apart, as they are loaded beside gigabytes of data.  The
    small code model cannot reach so far, and MCJIT does not link the large one rightly with `pic`.
    """
    machine = host()
    target = llvm.Target.from_triple(machine.triple)
    return target.create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=3, reloc="static", codemodel="large"
    )


def optimised(module: Any, symbol: str, level: int) -> Any:
    """Make everything but `symbol` private, then let LLVM inline, vectorise and drop the rest."""
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != symbol:
            value.linkage = "internal"
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = True
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(target_machine(), options)
    builder.getModulePassManager().run(module, builder)
    return module


def library_function(name: str, word: int) -> Any:
    """The function of a library kernel, found by name (`LIBRARY`): the folders that hold them stand
    above this one.
    """
    library = importlib.import_module(f"gradc_runtime.cpu.{LIBRARY[product_of(name)]}")
    long = "compensated_" if name.endswith(COMPENSATED) else ""
    rounds = "rounded_" if name.removesuffix(COMPENSATED).endswith(ROUNDED) else ""
    return getattr(library, f"{long}{rounds}kernel")(word)


def kernel_module(name: str, source: str | None, word: int, symbol: str) -> Any:
    """The LLVM module of a generated kernel, or of a library kernel where `source` is None."""
    if source is None:
        function = library_function(name, word)
        written, level = translate(symbol, tree_of(function), names_of(function)), LIBRARY_LEVEL
    else:
        kernel, formulas = checked_kernel(source)
        names, level = scalar_math.names(word) | subroutines_of(formulas), GENERATED_LEVEL
        written = translate(symbol, kernel, names, apart=True)
    return machine_module(written, symbol, level)


def machine_module(written: Any, symbol: str, level: int) -> Any:
    """A translated kernel as optimised LLVM for this processor."""
    written.triple, written.data_layout = host().triple, str(target_machine().target_data)
    return optimised(llvm.parse_assembly(str(written)), symbol, level)


def object_code(name: str, source: str | None, word: int, symbol: str) -> bytes:
    """A kernel as an object file."""
    code: bytes = target_machine().emit_object(kernel_module(name, source, word, symbol))
    return code


@cache
def linkable_machine() -> Any:
    """The same code for a linker: position-independent, as a shared library must be."""
    machine = host()
    target = llvm.Target.from_triple(machine.triple)
    return target.create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=3, reloc="pic", codemodel="small"
    )


def linkable_code(name: str, source: str | None, word: int, symbol: str) -> bytes:
    """A kernel as an object file that a linker puts into a library, for any process."""
    with without_tiles():
        module = kernel_module(name, source, word, symbol)
    code: bytes = linkable_machine().emit_object(module)
    return code


def assembly(name: str, source: str | None, word: int) -> str:
    """A kernel as assembly text, for people and tests."""
    text: str = target_machine().emit_assembly(kernel_module(name, source, word, "kernel"))
    return text
