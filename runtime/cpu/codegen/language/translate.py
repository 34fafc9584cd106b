"""Functions of the kernel language become one LLVM module.

A function's tree comes from its source file; what its names mean, from its closure and its module.
Subroutines are translated into the same module when they are first called, for LLVM to inline.
"""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from llvmlite import ir
from llvmlite.ir.instructions import CallInstr

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.alias_scopes import scopes_of
from gradc_runtime.cpu.codegen.language.convert import TypedValue
from gradc_runtime.cpu.codegen.language.frame import Frame
from gradc_runtime.cpu.codegen.language.kernel_types import KernelSignature
from gradc_runtime.cpu.codegen.language.subroutines import (
    EXACT,
    FAST,
    SUBROUTINES,
    Subroutine,
    WrittenFunction,
)
from gradc_runtime.cpu.codegen.language.translate_calls import lifted
from gradc_runtime.cpu.codegen.language.translate_statements import run

WORDS = kernel_types.CPointer(kernel_types.int64)
KERNEL = kernel_types.void(WORDS, WORDS, kernel_types.int64, kernel_types.int64, kernel_types.int64)
REALS = (kernel_types.float32.llvm, kernel_types.float64.llvm)
ARITHMETIC = frozenset(("fadd", "fsub", "fmul", "fdiv", "frem", "fcmp"))


Translated = dict[tuple[Any, int], ir.Function]  # by function, and numbers of its vectors


def translate(
    symbol: str, tree: ast.FunctionDef, names: Mapping[str, Any], *, apart: bool = False
) -> ir.Module:
    """The module of a kernel: `void symbol(int64*, int64*, int64, int64, int64)`.  A generated one
    has pointers `apart` from one another (`alias_scopes.py`), and the author's arithmetic.
    """
    module = ir.Module(symbol)
    translated: Translated = {}

    def subroutine(function: Any, count: int) -> ir.Function:
        if (function, count) not in translated:
            known = SUBROUTINES[function]
            signature = lifted(known.signature, count)
            made = declare(module, f"s{len(translated)}", known, signature, count)
            translated[function, count] = made
            frame = Frame(ir.IRBuilder(), names_of(function), subroutine)
            fill(made, tree_of(function), signature, frame)
            set_fast_math(made, known.fastmath)
        return translated[function, count]

    kernel = ir.Function(module, shape(KERNEL), symbol)
    scopes = scopes_of(module, tree) if apart else {}
    fill(kernel, tree, KERNEL, Frame(ir.IRBuilder(), names, subroutine, scopes=scopes))
    free_the_rest(module, translated, EXACT if apart else FAST)
    return module


def free_the_rest(module: ir.Module, translated: Translated, fastmath: tuple[str, ...]) -> None:
    """Let LLVM rearrange the arithmetic of all functions that are no subroutines."""
    for function in module.functions:
        if function not in translated.values():
            set_fast_math(function, fastmath)


def declare(
    module: ir.Module, name: str, subroutine: Subroutine, signature: KernelSignature, count: int
) -> ir.Function:
    """A subroutine without its body; `count` is 0, or how many numbers its vectors have."""
    made = ir.Function(module, shape(signature), name)
    made.linkage = "internal"
    if count:  # vectors are passed in registers only if nothing is called
        made.attributes.add("alwaysinline")
    elif subroutine.stands_alone:
        made.attributes.add("noinline")
    return made


def shape(signature: KernelSignature) -> ir.FunctionType:
    """A signature as LLVM has it."""
    return ir.FunctionType(signature.result.llvm, [kind.llvm for kind in signature.arguments])


def fill(
    function: ir.Function, tree: ast.FunctionDef, signature: KernelSignature, frame: Frame
) -> None:
    """The body of a function; arguments are variables like any other."""
    builder = frame.builder
    builder.position_at_end(function.append_basic_block("entry"))
    frame.result = signature.result
    arguments = zip(tree.args.args, function.args, signature.arguments, strict=True)
    for argument, value, kind in arguments:
        frame.assign(argument.arg, TypedValue(kind, value))
    start = function.append_basic_block("start")
    builder.branch(start)
    builder.position_at_end(start)
    run(frame, tree.body)
    if not builder.block.is_terminated:
        builder.ret_void() if signature.result == kernel_types.void else builder.unreachable()


def set_fast_math(function: ir.Function, fastmath: tuple[str, ...]) -> None:
    """Let LLVM rearrange a function's arithmetic as far as it is allowed to."""
    if fastmath == EXACT:
        return
    for block in function.blocks:
        for instruction in block.instructions:
            if instruction.opname in ARITHMETIC:
                instruction.flags = list(fastmath)
            elif isinstance(instruction, CallInstr) and lane_of(instruction.type) in REALS:
                for flag in fastmath:
                    instruction.fastmath.add(flag)


def lane_of(kind: ir.Type) -> ir.Type:
    """The LLVM type of a single number of a vector; of anything else, its own."""
    return kind.element if isinstance(kind, ir.VectorType) else kind


@cache
def trees_in(path: str) -> dict[int, ast.FunctionDef]:
    """The functions of a source file, by the line on which they begin."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {
        min([f.lineno, *(decorator.lineno for decorator in f.decorator_list)]): f for f in functions
    }


def tree_of(function: Callable[..., Any] | WrittenFunction) -> ast.FunctionDef:
    """The source of a function as a tree."""
    if isinstance(function, WrittenFunction):
        return function.tree
    code = function.__code__
    return trees_in(code.co_filename)[code.co_firstlineno]


def names_of(function: Callable[..., Any] | WrittenFunction) -> Mapping[str, Any]:
    """What the names in a function mean: its closure's first, then its module's."""
    if isinstance(function, WrittenFunction):
        return function.names
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return ChainMap({name: cell.cell_contents for name, cell in cells}, function.__globals__)
