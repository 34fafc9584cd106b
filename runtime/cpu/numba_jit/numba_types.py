"""Types of the kernel language as Numba's, and back."""

from __future__ import annotations

from typing import Any

import numba

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.numba_jit.numba_vectors import NumbaVector

types: Any = numba.types
WORDS = types.CPointer(types.int64)
KERNEL = types.void(WORDS, WORDS, types.int64, types.int64, types.int64)


def to_numba(kind: Any) -> Any:
    """Numba's type for one of the kernel language."""
    match kind:
        case kernel_types.Pointer():
            return types.CPointer(to_numba(kind.element))
        case kernel_types.Vector():
            return NumbaVector(kind)
        case kernel_types.Tuple():
            return types.UniTuple(to_numba(kind.items[0]), len(kind.items))
        case kernel_types.LiteralType():
            return types.IntegerLiteral(kind.literal_value)
    return getattr(types, {"bool": "boolean"}.get(kind.name, kind.name))


def from_numba(kind: Any) -> Any:
    """The kernel language's type for one of Numba's."""
    if isinstance(kind, NumbaVector):
        return kind.own
    if isinstance(kind, types.CPointer):
        return kernel_types.CPointer(from_numba(kind.dtype))
    if isinstance(kind, types.IntEnumMember):  # `Extent.RANGE`, `WorkerState.BUSY`
        return from_numba(kind.dtype)
    if isinstance(kind, types.IntegerLiteral):
        return kernel_types.LiteralType(str(kind), kernel_types.int64.llvm, kind.literal_value)
    return getattr(kernel_types, {"bool": "boolean"}.get(str(kind), str(kind)))
