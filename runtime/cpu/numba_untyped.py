"""Numba's inner modules as the type checker should see them: without types.

Numba's annotations cover part of it, and describe an intrinsic as the function that writes it (with
a typing context first) where kernels call it without one.
"""

from __future__ import annotations

from typing import Any

from numba import extending
from numba.core import cgutils as _cgutils
from numba.core import codegen as _codegen
from numba.core import compiler as _compiler
from numba.core import types as _types
from numba.core.compiler_lock import global_compiler_lock as _lock
from numba.core.imputils import lower_builtin as _lower_builtin
from numba.core.registry import cpu_target as _cpu_target
from numba.core.typing.templates import ConcreteTemplate as _ConcreteTemplate

cgutils: Any = _cgutils
codegen: Any = _codegen
compiler: Any = _compiler
types: Any = _types
compiler_lock: Any = _lock
lower_builtin: Any = _lower_builtin
cpu_target: Any = _cpu_target
ConcreteTemplate: Any = _ConcreteTemplate


def intrinsic(write: Any) -> Any:
    """A function for kernels, written as LLVM instructions; `write` gives its type and a writer."""
    return extending.intrinsic(write)


def literal_intrinsic(write: Any) -> Any:
    """The same, for arguments that must be literal numbers."""
    return extending.intrinsic(prefer_literal=True)(write)
