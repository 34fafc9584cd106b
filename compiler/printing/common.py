"""What all writers of kernels share: the lines so far, how numbers are read and written, and the
formulas of the functions that a kernel calls and no library has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import MemAccess, Variable
from gradc_compiler.ops.elementwise import Elementwise

CALLED = re.compile(r"\b([a-z]\w*)\(")


@dataclass
class CodeLines:
    """The text of a kernel in the making; its geometry and its pointers in order."""

    lines: list[str] = field(default_factory=list)
    geometry: list[int] = field(default_factory=list)
    pointers: list[MemAccess] = field(default_factory=list)
    depth: int = 1

    def line(self, text: str) -> None:
        """Add a line where the loops stand now."""
        self.lines.append("    " * self.depth + text)

    def number(self, value: int) -> str:
        """The name of a number that is read from the geometry."""
        self.geometry.append(value)
        return f"g{len(self.geometry) - 1}"


def read(variable: Variable, access: MemAccess, place: str) -> str:
    """A number of the session's real type; what a whole variable holds stays a whole number."""
    if variable.kind is Kind.INDEX:
        return f"index({place})"
    return f"real({place})" if access.index else place


def written(value: Variable | str, access: MemAccess) -> str:
    """A value as a place holds it."""
    return f"index({value})" if access.index else str(value)


def with_definitions(text: str) -> str:
    """A kernel, after the formulas that it calls (see `compiler/ops/formula.py`)."""
    called = sorted({*CALLED.findall(text)} & OPS.keys())
    rows = [op for name in called if issubclass(op := OPS[name], Elementwise)]
    return "".join([*(f"{row.definition}\n" for row in rows if row.definition), text])
