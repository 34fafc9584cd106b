"""The same kernels compiled by Numba: what they mean, as an oracle for
`gradc_runtime.cpu.codegen.language`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from types import CellType, FunctionType
from typing import Any

import numba
from numba import extending

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import SUBROUTINES, Intrinsic
from gradc_runtime.cpu.codegen.language.translate import names_of

WORDS = numba.types.CPointer(numba.types.int64)
ENTRY = numba.types.void(WORDS, WORDS, *[numba.types.int64] * 3)
NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)


def to_numba(kind: Any) -> Any:
    """Numba's type."""
    match kind:
        case kernel_types.Pointer():
            return numba.types.CPointer(to_numba(kind.element))
        case kernel_types.Tuple():
            return numba.types.UniTuple(to_numba(kind.items[0]), len(kind.items))
        case kernel_types.LiteralType():
            return numba.types.IntegerLiteral(kind.literal_value)
    return getattr(numba.types, {"bool": "boolean"}.get(kind.name, kind.name))


def from_numba(kind: Any) -> Any:
    """This project's type."""
    if isinstance(kind, numba.types.CPointer):
        return kernel_types.CPointer(from_numba(kind.dtype))
    if isinstance(kind, numba.types.IntegerLiteral):
        return kernel_types.LiteralType(str(kind), kernel_types.int64.llvm, kind.literal_value)
    return getattr(kernel_types, {"bool": "boolean"}.get(str(kind), str(kind)))


def intrinsic(own: Intrinsic) -> Any:
    """An intrinsic as Numba has it; it wants to know the names of the arguments."""
    count = own.write.__code__.co_argcount
    names = ", ".join(f"a{k}" for k in range(count))

    def write(*kinds: Any) -> Any:
        signature, generate = own.write(*map(from_numba, kinds))
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
def known(thing: Any) -> Any:
    """What a name means to Numba."""
    if isinstance(thing, Intrinsic):
        return intrinsic(thing)
    if isinstance(thing, kernel_types.NumberType):
        return to_numba(thing)
    if thing in SUBROUTINES:
        fastmath = set(SUBROUTINES[thing].fastmath)
        return numba.njit(error_model="numpy", fastmath=fastmath)(rebound(thing))
    return thing


def rebound(function: Callable[..., Any]) -> Any:
    """A function whose names mean the same to Numba."""
    code, names = function.__code__, names_of(function)
    wanted = {
        name: known(value)
        for name in (*code.co_names, *code.co_freevars)
        if name in names and (value := names[name]).__hash__ is not None
    }
    cells = tuple(CellType(wanted[name]) for name in code.co_freevars)
    return FunctionType(code, wanted, function.__name__, None, cells)


def native(function: Callable[..., Any]) -> Any:
    """A kernel compiled by Numba, to be called with addresses."""
    fastmath = {"contract", "reassoc", "nsz", "arcp"}
    compiled = numba.cfunc(ENTRY, error_model="numpy", fastmath=fastmath)(rebound(function))
    call = NATIVE(compiled.address)
    call.kept = compiled  # type: ignore[attr-defined]
    return call
