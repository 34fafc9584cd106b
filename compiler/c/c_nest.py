"""A nest as loops in C."""

from __future__ import annotations

from typing import ClassVar

from gradc_compiler.c.c_scalar import variable_type
from gradc_compiler.emitted.nest_writer import NestWriter
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import MemAccess, Variable
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(kw_only=True)
class CNest(NestWriter):
    """Writes one nest."""

    least: ClassVar[str] = "-INFINITY"
    first: ClassVar[str] = "example"
    count: ClassVar[str] = "n"
    outer: ClassVar[str] = "0"

    def head(self, counter: str, extent: int) -> str:
        """The head of a loop."""
        return f"for (int {counter} = 0; {counter} < {extent}; {counter}++) {{"

    def end(self) -> None:
        """What ends a loop."""
        self.line("}")

    def do(self, text: str) -> None:
        """A statement."""
        self.line(f"{text};")

    def begin(self, kind: Kind, name: str, value: str) -> None:
        """A variable that will change, or the term of a sum in two parts."""
        type = "int32_t" if kind is Kind.INDEX else self.scalars.real
        self.do(f"{'const ' if name == 'term' else ''}{type} {name} = {value}")

    def name(self, variable: Variable, value: str) -> None:
        """A variable that will not."""
        self.do(f"const {variable_type(variable, self.scalars.real)} {variable} = {value}")

    def greater(self, number: str, at: str, value: str) -> None:
        """Note the first greatest value (or NaN), and where it was."""
        greatest = f"greatest{number}"
        sooner = f"{value} > {greatest} || ({value} != {value} && {greatest} == {greatest})"
        self.line(f"if ({sooner}) {{ {greatest} = {value}; where{number} = {at}; }}")

    def kept(self, access: MemAccess, value: str) -> str:
        """A value as a place holds it."""
        return f"(int32_t)({value})" if access.index and not value.isidentifier() else value

    def place(self, access: MemAccess) -> str:
        """`m->conv1[i * 112 + j * 8 + k]`; an array may say where the example's part begins."""
        base, _, more = self.array(access).partition(" + ")
        at = self.words(access, [more] if more else [])
        return f"{base}[{at}]"
