"""How a built prediction reads a table: the columns of its fields, and what their cells mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from re import findall

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import Meaning
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.tables.dialect import Dialect
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.embed.c_text import quoted
from gradc_runtime.system.errors import SessionError

DIRECTIVES = frozenset("YmdHMS")  # of dates, that the C source reads


@dataclass(frozen=True, kw_only=True)
class TableReading:
    """The table of a run, as far as a prediction reads it."""

    encoding: Encoding
    predicted: Mapping[str, Meaning]  # what is said of each field
    answers: Mapping[str, TensorType]  # the types of these fields
    types: Mapping[str, TensorType]  # of the fields that are read, in the order of the arguments
    columns: Mapping[str, tuple[str, ...]]  # of each field, element by element
    named: frozenset[str]  # fields whose columns the author names; no other name will do
    dialect: Dialect  # as the author declares it; empty signs are detected
    drops: bool  # whether rows with gaps are left out

    def require_in_c(self) -> None:
        """Refuse what the C source does not read.

        Raises `SessionError`.
        """
        for name, type in self.types.items():
            if type.time is not None or name in self.encoding.texts:
                raise SessionError(f"{name} is a sequence, which no cell of a table holds in C yet")
        for name, date in self.encoding.dates.items():
            letters = findall("%(.)", date)
            joined = findall(r"%\w(?=%)", date)
            if joined or not {*letters} <= DIRECTIVES:
                raise SessionError(f"{name} has dates such as {date}, which C does not read yet")

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Field and element of each cell, in order."""
        return [(name, k) for name in self.types for k in range(self.types[name].size)]

    def words_about(self, name: str, element: int) -> str:
        """What a cell says, for a comment."""
        if known := self.encoding.classes.get(name):
            return ", ".join(word or "(missing)" for word in known)
        date = self.encoding.dates.get(name)
        return f"a date, {date}" if date else "a number"

    def kinds(self) -> Iterator[str]:
        """C data that describes each cell: `struct cell_kind`."""
        for name, words in self.encoding.classes.items():
            if name in self.types:
                place = list(self.types).index(name)
                texts = ", ".join(map(quoted, words))
                yield f"static const char *const names_of_{place}[] = {{{texts}}};"
        yield "static const struct cell_kind cell_kinds[] = {"
        for name, element in self.cells:
            yield f"    {{{', '.join(self._kind(name, element))}}},"
        yield "};"

    def _kind(self, name: str, element: int) -> Iterator[str]:
        known, type = self.encoding, self.types[name]
        place = list(self.types).index(name)
        words = known.classes.get(name)
        yield quoted(self.columns[name][element])
        yield from (str(place), str(element))
        yield from ("0", "0") if words is None else (f"names_of_{place}", str(len(words)))
        yield quoted(known.dates[name]) if name in known.dates else "0"
        gap = known.gaps.get(name)
        yield from ("0", "0") if gap is None else (gap[element].hex(), "1")
        centre, scale = known.centres.get(name), known.scales.get(name)
        yield "0" if centre is None else centre[element].hex()
        yield "0" if scale is None else scale[element].hex()
        yield str(int(type.kind is Kind.INDEX))
        yield str(type.classes or 2**31 - 1)
