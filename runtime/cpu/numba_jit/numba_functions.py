"""What the names in a kernel mean to Numba.

A subroutine becomes a function compiled by `numba.njit` with its one signature and the liberties
its arithmetic may take; an intrinsic, one of Numba's, which writes the same LLVM instructions; a
number type, Numba's.  Everything else (whole numbers, `range`, functions of `math`) Numba knows.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from types import CellType, FunctionType
from typing import Any

import numba
from numba import extending

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.convert import TypedValue, convert
from gradc_runtime.cpu.codegen.language.subroutines import (
    EXACT,
    SUBROUTINES,
    Intrinsic,
    WrittenFunction,
)
from gradc_runtime.cpu.codegen.language.translate import names_of
from gradc_runtime.cpu.codegen.language.translate_calls import MATHEMATICS, lifted
from gradc_runtime.cpu.numba_jit.numba_types import from_numba, to_numba
from gradc_runtime.cpu.numba_jit.numba_vectors import OF_TWO, lane_by_lane, own_type


def written_for(own: Intrinsic, kinds: list[Any]) -> Any:
    """An intrinsic's signature and writer; one that is about numbers serves vectors as well."""
    count = 0 if own.vectors else kernel_types.count_of(*kinds)
    if not count:
        return own.write(*kinds)
    signature, generate = own.write(*map(kernel_types.lane, kinds))
    return lifted(signature, count), generate


def intrinsic_of(own: Intrinsic) -> Any:
    """An intrinsic as Numba has it, which wants to know how many arguments there are."""
    count = own.write.__code__.co_argcount
    names = ", ".join(f"a{k}" for k in range(count))

    def write(*kinds: Any) -> Any:
        signature, generate = written_for(own, [from_numba(kind) for kind in kinds])
        known = to_numba(signature.result)(*map(to_numba, signature.arguments))

        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            found = generate(builder, args)
            return context.get_dummy_value() if found is None else found

        return known, emit

    scope: dict[str, Any] = {"write": write}
    exec(f"def own(typing, {names}):\n    return write({names})", scope)
    if own.literals:
        return extending.intrinsic(prefer_literal=True)(scope["own"])
    return extending.intrinsic(scope["own"])


@cache
def conversion_to(number: kernel_types.NumberType) -> Any:
    """A type's name, called: the number, or every number of a vector, as this type."""

    @extending.intrinsic
    def converted(typing_context: Any, value: Any) -> Any:
        source = own_type(value)
        target = kernel_types.widened(number, kernel_types.count_of(source))

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return convert(builder, TypedValue(source, values[0]), target).llvm

        return to_numba(target)(value), emit

    return converted


def compiled(function: Callable[..., Any], fastmath: tuple[str, ...]) -> Any:
    """A function for other functions to call; Numba compiles it for the types it is called with."""
    liberties = set(fastmath) if fastmath != EXACT else False
    return numba.njit(error_model="numpy", fastmath=liberties)(function)


def known(thing: Any) -> Any:
    """What a name's value means to Numba.  A number means itself, and is not looked up: 1, 1.0 and
    np.float32(1) would be found in each other's place.
    """
    special = isinstance(thing, Intrinsic | WrittenFunction | kernel_types.NumberType)
    if special or (callable(thing) and (thing in SUBROUTINES or thing in MATHEMATICS)):
        return lowered(thing)
    return thing


@cache
def lowered(thing: Any) -> Any:
    """An intrinsic, a number type, a subroutine or a function of C as Numba has it."""
    if isinstance(thing, Intrinsic):
        return intrinsic_of(thing)
    if isinstance(thing, kernel_types.NumberType):
        return conversion_to(thing)
    if thing in MATHEMATICS:
        return lane_by_lane(thing, 2 if thing in OF_TWO else 1)
    own, declared = isinstance(thing, WrittenFunction), SUBROUTINES[thing]
    function = written(thing.tree, thing.names) if own else rebound(thing)
    found = compiled(function, declared.fastmath)
    double = declared.signature.result == kernel_types.float64
    return lane_by_lane(found, len(declared.signature.arguments)) if double else found


def meant(names: Any, wanted: Any) -> dict[str, Any]:
    """Of some names those that have a meaning, with it."""
    return {
        name: known(value)
        for name in wanted
        if name in names and (value := names[name]).__hash__ is not None
    }


def rebound(function: Callable[..., Any]) -> Any:
    """A function of Python whose names mean the same to Numba."""
    code, names = function.__code__, names_of(function)
    wanted = meant(names, (*code.co_names, *code.co_freevars))
    cells = tuple(CellType(wanted[name]) for name in code.co_freevars)
    return FunctionType(code, wanted, function.__name__, None, cells)


def written(tree: ast.FunctionDef, names: Any) -> Any:
    """The Python function of a tree, which `verify_source` has checked, with these names."""
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    scope = meant(names, called)
    exec(compile(ast.Module([tree], []), "<kernel>", "exec"), scope)
    return scope[tree.name]
