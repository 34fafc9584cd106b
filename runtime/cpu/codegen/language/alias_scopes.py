"""Pointers of a generated kernel lie apart, and LLVM is told so.

Whatever `x0 = reals(...)`, `x1 = ...` a kernel has, each is a storage of its own, or rows of one
that are read before or after those that are written (see `compiler/printing/cpu_printer.py`,
`pointer`). Without that knowledge LLVM compares every store with every load before a loop, and
where they are many it makes no vectors at all.  (LLVM Language Reference, "noalias and alias.scope
metadata".)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from llvmlite import ir

POINTER = re.compile(r"x\d+")
Scopes = Mapping[str, tuple[Any, Any]]  # of a pointer: its own scope, those of all others


def scopes_of(module: ir.Module, tree: ast.FunctionDef) -> Scopes:
    """A scope for each numbered pointer that a kernel sets."""
    stored = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    names = sorted({node.id for node in stored if POINTER.fullmatch(node.id)})
    domain = module.add_metadata([ir.MetaDataString(module, "gradc")])
    scopes = {
        name: module.add_metadata([ir.MetaDataString(module, name), domain]) for name in names
    }
    return {
        name: (
            module.add_metadata([scopes[name]]),
            module.add_metadata([scopes[other] for other in names if other != name]),
        )
        for name in names
    }


def keep_apart(scopes: Scopes, pointer: ast.expr, instruction: Any) -> None:
    """Mark a load or store with the alias scope of its pointer, and the others as `noalias`."""
    if isinstance(pointer, ast.Name) and pointer.id in scopes:
        own, others = scopes[pointer.id]
        instruction.set_metadata("alias.scope", own)
        instruction.set_metadata("noalias", others)
