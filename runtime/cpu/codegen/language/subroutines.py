"""What kernels may call: subroutines, written in the language, and intrinsics, written as LLVM.

Library kernels are sums of products and nothing else: FAST.  The author's arithmetic is EXACT, IEEE
754 as it is written; only in a SUM may LLVM change the order and fuse the product before it.  The
compiler's own polynomials are PRECISE: `reassoc` would undo their error-free transformations.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.codegen.language.kernel_types import KernelSignature

FAST = ("contract", "reassoc", "nsz")  # never nnan or ninf: NaN stays visible
SUM = ("contract", "reassoc")  # with `nsz` LLVM would also take apart what is added
EXACT: tuple[str, ...] = ()
PRECISE = ("contract",)
SUBROUTINES: dict[Any, Subroutine] = {}


@dataclass(frozen=True, slots=True)
class Subroutine:
    """A function of the language: its one signature, and the liberties its arithmetic takes.

    One that `stands_alone` is called and never inlined: LLVM's time grows faster than the length of
    a function, and a call that is made once a stage costs nothing.
    """

    signature: KernelSignature
    fastmath: tuple[str, ...]
    stands_alone: bool = False


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """LLVM instructions for kernels: `write(*types)` gives the signature and a writer.

    The writer is called with a builder and the arguments, and gives the result (None: no result).
    An intrinsic with `literals` is told which of its arguments are literal numbers.  One that is
    about numbers serves vectors as well; one with `vectors` has its own way with them.
    """

    write: Callable[..., tuple[KernelSignature, Callable[[Any, Any], Any]]]
    literals: bool = False
    vectors: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class WrittenFunction:
    """A function of the language that is no function of Python: its tree, and its names."""

    tree: ast.FunctionDef
    names: Mapping[str, Any]


def subroutine(
    signature: KernelSignature, fastmath: tuple[str, ...] = FAST, *, stands_alone: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let kernels call a Python function, with the one signature it has."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        SUBROUTINES[function] = Subroutine(signature, fastmath, stands_alone)
        return function

    return declare


def intrinsic(write: Any) -> Any:
    """A function for kernels, written as LLVM instructions."""
    return Intrinsic(write)


def literal_intrinsic(write: Any) -> Any:
    """The same, for arguments that must be literal numbers."""
    return Intrinsic(write, literals=True)


def vector_intrinsic(write: Any) -> Any:
    """The same, for functions that take or make vectors."""
    return Intrinsic(write, literals=True, vectors=True)
