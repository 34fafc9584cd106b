"""A nest as loops in C."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar

from gradc_compiler.c.c_scalar import variable_type
from gradc_compiler.c.c_time import ROW, CTime
from gradc_compiler.emitted.plain_program import Buffer
from gradc_compiler.emitted.row_writer import RowWriter
from gradc_compiler.emitted.scalar_writer import WHOLE, Text, within
from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.loops.ir import MemAccess, Variable
from gradc_compiler.program.arrays import ClockName
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(kw_only=True)
class CNest(RowWriter):
    """Writes one nest; of a sequence, what it does for a row."""

    buffer: Callable[[MemAccess], Buffer]
    time_of: Callable[[Time], CTime]

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

    def sort(self, along: int) -> None:
        """Store the order of one row, by heapsort in place."""
        (((_, x),), ((_, y, _),)) = self.nest.loads, self.nest.stores
        assert x.moves[along] == y.moves[along] == 1, "numbers that are put in order are a row"
        self.called.add("order")
        first = [self.place(replace(a, moves=(*a.moves[:along], 0))) for a in (x, y)]
        self.do(f"order({', '.join(f'&{place}' for place in first)}, {self.extents[along]})")

    def kept(self, access: MemAccess, value: str) -> str:
        """A value as a place holds it."""
        return f"(int32_t)({value})" if access.index and not value.isidentifier() else value

    def let(self, variable: Variable, value: Text, in_place: bool, uses: int) -> None:
        """Give a value a name, or note what stands for it; a counter has one."""
        super().let(variable, value, in_place or value[0] in CTime.trivial, uses)

    def read(self, variable: Variable, access: MemAccess) -> Text:
        """A load; what is known of a row is worked out."""
        if self.buffer(access).kind != "clock":
            return super().read(variable, access)
        about = access.storage[1]
        assert isinstance(about, ClockName), "a clock says what it tells"
        value = self.time_of(about.time).clock(about.kind)
        if variable.kind is Kind.INDEX:
            return value
        return self.scalars.converted("real", value), self.scalars.conversion

    def place(self, access: MemAccess) -> str:
        """`m->conv1[i * 112 + j * 8 + k]`; an array may say where the example's part begins."""
        base, _, more = self.array(access).partition(" + ")
        at = self.words(access, [*([more] if more else []), *self._row(access)])
        return f"{base}[{at}]"

    def _row(self, access: MemAccess) -> Iterator[str]:
        """Which element's part it is, where each element has one."""
        buffer = self.buffer(access)
        if buffer.time is None:
            return
        row = (self.outer, WHOLE) if access.row is None else self.names[access.row]
        if row[0] != "0":
            yield within(row, WHOLE) + (f" * {buffer.words}" if buffer.words != 1 else "")


@dataclass(kw_only=True)
class CRowNest(CNest):
    """Writes one nest over the rows of a sequence."""

    outer: ClassVar[str] = ROW
