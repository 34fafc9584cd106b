"""What all printers share: the lines written so far, the text of a read and of a write, and the
formulas of functions that a kernel calls and that no library has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field

from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import MemAccess, Statement, Variable
from gradc_compiler.loops.scalar_form import functions
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass
class CodeLines:
    """The text of a kernel while it is written; its arguments and its pointers in order."""

    lines: list[str] = field(default_factory=list)
    geometry: list[int] = field(default_factory=list)
    pointers: list[MemAccess] = field(default_factory=list)
    depth: int = 1

    def line(self, text: str) -> None:
        """Add a line, indented by the loops that are open."""
        self.lines.append("    " * self.depth + text)

    def number(self, value: int) -> str:
        """Add a number to the kernel's arguments; gives its name in the text."""
        self.geometry.append(value)
        return f"g{len(self.geometry) - 1}"


def read(variable: Variable, access: MemAccess, place: str) -> str:
    """A word read from memory, as the session's real type; whole variables stay whole numbers."""
    if variable.kind is Kind.INDEX:
        return f"index({place})"
    return f"real({place})" if access.index else place


def written(value: Variable | str, access: MemAccess) -> str:
    """A value, converted to the type of the memory that it is written to."""
    return f"index({value})" if access.index else str(value)


def with_definitions(text: str, called: Iterable[str]) -> str:
    """A kernel, after the formulas that it calls (see `compiler/ops/formula.py`)."""
    known = sorted({*called} & OPS.keys())
    rows = [op for name in known if issubclass(op := OPS[name], Elementwise)]
    return "".join([*(f"{row.definition}\n" for row in rows if row.definition), text])


def called_by(statements: Iterable[Statement]) -> Iterator[str]:
    """The functions that statements call."""
    return (name for statement in statements for name in functions(statement.value))
