"""What a built prediction looks like from C: a model, and what makes its inputs of a table's row.

    int people_encode(const char *const *cells, float *age, int32_t *city, int *wrong);

Encoding, model and names of classes are those of the run, so a row means what it means to `gradc
predict`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cached_property

from gradc_compiler.c.c_names import CNames, comment
from gradc_compiler.graph.outputs import Tagged
from gradc_compiler.program.arrays import Array
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.embed.interface import OWN, CInterface
from gradc_runtime.embed.table_reading import TableReading

OF_ROWS = ("cells", "wrong", "fields", "first", "k", "cell")


@dataclass(frozen=True)
class PredictionInterface(CInterface):
    """The names and the header of a prediction."""

    reading: TableReading

    @cached_property
    def arguments(self) -> dict[str, Array]:
        """Arrays by their C names: inputs, then outputs, which are called as their fields."""
        names = CNames((*OWN, *OF_ROWS))
        found = {names.take(str(array.name)): array for array in self.model.arrays("input")}
        for array in self.model.arrays("output"):
            found[names.take(f"{field_of(array)}_said")] = array
        return found

    @property
    def fingerprint(self) -> int:
        """A number that differs where the arguments or the encoding differ."""
        own = f"{super().fingerprint} {self.reading}"
        return zlib.crc32(own.encode()) & 0x7FFFFFFF

    @property
    def encoded(self) -> str:
        """The arguments of `encode` that it writes: one example of each input."""
        read = [name for name in self.arguments if name not in self.written]
        return ", ".join(f"{self.word(self.arguments[name].type)} *{name}" for name in read)

    def _functions(self) -> Iterator[str]:
        yield from super()._functions()
        name, reading = self.name, self.reading
        yield ""
        yield "/* A row of the table that the run was trained on, as text, into one example of each"
        yield "   input.  Cells in this order, numbers with a decimal point, gaps empty or NA:"
        yield ""
        for number, (field, k) in enumerate(reading.cells):
            column = comment(reading.columns[field][k])
            yield f"     {number:<4} {column:<24} {comment(reading.words_about(field, k))}"
        yield ""
        yield "   Answers 0, or a code; `wrong`, if it is not null, is told which cell it is of. */"
        yield f"#define {self.macro}_CELLS {len(reading.cells)}"
        yield f"int {name}_encode(const char *const *cells, {self.encoded}, int *wrong);"
        yield ""
        yield "/* The name of the column of a cell, or NULL. */"
        yield f"const char *{name}_column(int cell);"
        for field, of_class in self.namers.items():
            yield ""
            yield f"/* The name of a class of {comment(field)}, or NULL. */"
            yield f"const char *{of_class}(int k);"

    @cached_property
    def namers(self) -> dict[str, str]:
        """The function that names classes, by each field that is predicted and has names."""
        named = [field for field in self.reading.predicted if self.names_of(field)]
        found = CNames(())
        return {field: f"{self.name}_{found.take(field)}_name" for field in named}

    def names_of(self, field: str) -> tuple[str, ...]:
        """The names of a field's classes; empty where they have none."""
        known = self.reading.encoding.classes.get(field, ())
        return tuple(name or "(missing)" for name in known)


def field_of(array: Array) -> str:
    """The field that an output is a prediction of."""
    return array.name.about if isinstance(array.name, Tagged) else str(array.name)
