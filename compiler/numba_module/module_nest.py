"""A nest as loops in Python: the outermost goes over examples, or over rows of a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from gradc_compiler.emitted.plain_program import Buffer
from gradc_compiler.emitted.row_writer import RowWriter
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import MemAccess, Variable
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(kw_only=True)
class ModuleNest(RowWriter):
    """Writes one nest."""

    buffer: Callable[[MemAccess], Buffer]
    rows: str  # what the outermost loop is over: "range(n)"

    least: ClassVar[str] = "real(-np.inf)"
    first: ClassVar[str] = "first"
    count: ClassVar[str] = "n"
    outer: ClassVar[str] = "e"

    def write(self) -> list[str]:
        """The lines of the nest; raises `NotPrinted` for one that has no text yet."""
        if any(loop.over_rows for loop in self.nest.loops):
            self.line(f"for {self.outer} in {self.rows}:")
            self.depth += 1
        return super().write()

    def sort(self, along: int) -> None:
        """Store the order of one row, which NumPy finds."""
        ((value, access, _),) = self.nest.stores
        level, counter = self.depth, self.counters[along]
        self.begin(Kind.REAL, "keys", f"np.empty({self.extents[along]}, real)")
        self.open(along)
        self.body_before_stores()
        self.do(f"keys[{counter}] = {self.names[value][0]}")
        self.close(level)
        self.do("order = np.argsort(keys, kind='mergesort')")
        self.open(along)
        self.do(f"{self.place(access)} = order[{counter}]")

    def head(self, counter: str, extent: int) -> str:
        """The head of a loop."""
        return f"for {counter} in range({extent}):"

    def end(self) -> None:
        """Nothing: a loop ends where its lines do."""

    def do(self, text: str) -> None:
        """A statement."""
        self.line(text)

    def begin(self, kind: Kind, name: str, value: str) -> None:
        """A variable that will change."""
        self.do(f"{name} = {value}")

    def name(self, variable: Variable, value: str) -> None:
        """A variable that will not."""
        self.do(f"{variable} = {value}")

    def greater(self, number: str, at: str, value: str) -> None:
        """Note the first greatest value (or NaN), and where it was."""
        greatest = f"greatest{number}"
        sooner = f"{value} > {greatest} or ({value} != {value} and {greatest} == {greatest})"
        self.do(f"if {sooner}:")
        self.do(f"    {greatest}, where{number} = {value}, {at}")

    def kept(self, access: MemAccess, value: str) -> str:
        """A value as a place holds it."""
        return f"np.int64({value})" if access.index and not value.isidentifier() else value

    def place(self, access: MemAccess) -> str:
        """`conv1[e, i * 112 + j * 8 + k]`, or without an example for what all of them share."""
        words = self.words(access)
        if not self.buffer(access).rows:
            return f"{self.array(access)}[{words}]"
        row = self.outer if access.row is None else self.names[access.row][0]
        if self.buffer(access).kind == "clock":
            return f"{self.array(access)}[{row}]"
        return f"{self.array(access)}[{row}, {words}]"
