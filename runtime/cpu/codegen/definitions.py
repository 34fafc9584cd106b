"""The formulas that a kernel defines ahead of its own text, as subroutines.

They compute in float64, whatever the width of the run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache

from gradc_runtime.cpu.codegen import scalar_math
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import (
    EXACT,
    SUBROUTINES,
    Subroutine,
    WrittenFunction,
)


def subroutines_of(definitions: Iterable[ast.FunctionDef]) -> dict[str, WrittenFunction]:
    """What calls of the defined functions mean, by name."""
    return {definition.name: _subroutine(ast.unparse(definition)) for definition in definitions}


@cache
def _subroutine(text: str) -> WrittenFunction:
    """The subroutine of one definition; equal texts share one, in all kernels of a process."""
    tree = ast.parse(text).body[0]
    assert isinstance(tree, ast.FunctionDef), "a definition is a function"
    double = kernel_types.float64
    function = WrittenFunction(tree, scalar_math.names(8))
    SUBROUTINES[function] = Subroutine(double(*[double] * len(tree.args.args)), EXACT)
    return function
