"""The syntax of a language in which a nest is written (`nest_writer.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import ClassVar

from gradc_compiler.emitted.scalar_writer import WHOLE, ScalarWriter, Text
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import LoopNest, MemAccess, Variable
from gradc_compiler.records.fast_dataclass import dataclass

Place = Callable[[MemAccess], str]  # the array that a storage is


@dataclass(kw_only=True)
class NestSyntax:
    """A nest, the lines written so far, and how a language writes loops and statements."""

    nest: LoopNest
    scalars: ScalarWriter
    array: Place
    lines: list[str] = field(default_factory=list)
    depth: int = 1
    called: set[str] = field(default_factory=set)

    least: ClassVar[str]  # a value that no number is less than
    first: ClassVar[str]  # the number of an example in the batch
    count: ClassVar[str]  # the number of examples
    outer: ClassVar[str]  # the counter of the loop over examples

    def line(self, text: str) -> None:
        """Add a line, indented by the loops that are open."""
        self.lines.append("    " * self.depth + text)

    def head(self, counter: str, extent: int) -> str:
        """The head of a loop."""
        raise NotImplementedError

    def end(self) -> None:
        """Write the end of a loop."""
        raise NotImplementedError

    def do(self, text: str) -> None:
        """A statement."""
        raise NotImplementedError

    def begin(self, kind: Kind, name: str, value: str) -> None:
        """Declare a variable that will change."""
        raise NotImplementedError

    def name(self, variable: Variable, value: str) -> None:
        """Declare a variable that will not change."""
        raise NotImplementedError

    def greater(self, number: str, at: str, value: str) -> None:
        """Note the first greatest value (or NaN), and where it was."""
        raise NotImplementedError

    def place(self, access: MemAccess) -> str:
        """A word of memory as text, such as `m->conv1[i * 112 + j * 8 + k]`."""
        raise NotImplementedError

    def kept(self, access: MemAccess, value: str) -> str:
        """A value as a place holds it."""
        raise NotImplementedError

    def read(self, variable: Variable, access: MemAccess) -> Text:
        """A load; a whole number that is read as a real one becomes one."""
        place = self.place(access), WHOLE
        if access.index and variable.kind is not Kind.INDEX:
            return self.scalars.converted("real", place), self.scalars.conversion
        return place
