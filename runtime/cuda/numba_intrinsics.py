"""What intrinsics are made with: types of numba-cuda, and its way from a call to LLVM.

`shim.py` has what compiles text.  These two files are all that imports numba-cuda: the intrinsics
of tiles, of copies and of tensor cores get from here what they are written with.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

cuda: Any = import_module("numba.cuda")
types: Any = import_module("numba.cuda.types")
cgutils: Any = import_module("numba.cuda.cgutils")
intrinsic: Callable[[Any], Any] = import_module("numba.cuda.extending").intrinsic


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is compiled with each kernel that calls it."""
    made: Callable[..., Any] = cuda.jit(device=True, inline="always")(function)
    return made
