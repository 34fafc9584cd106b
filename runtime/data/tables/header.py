"""Which column of a table a field means.

A scalar field is the column of its name, and the elements of a vector field are `name_0`,
`name_1`, ... (row-major for more axes).  A column that is called otherwise is named:
`age = "Customer Age"`, and a vector's by names and patterns in order: `x = "sepal*, petal*"`.
Where no column has the very name, one that is the same without blanks, signs and capitals will do,
if it is the only one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import takewhile

from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.tables.dialect import SEPARATORS, Dialect, Row
from gradc_runtime.system.errors import DataError

Fields = tuple[tuple[str, TensorType], ...]
NEAR = 1000  # columns among which a name like a missing one is looked for
SHOWN = 20  # columns, in a message


@dataclass(frozen=True)
class Header:
    """The place of each column, by its name."""

    file: str
    names: Sequence[str]
    places: dict[str, int]
    repeated: frozenset[str]  # names that several columns have
    dialect: Dialect
    offset: int = -1  # of the piece that it is the first row of

    @staticmethod
    def of(names: Sequence[str], file: str, dialect: Dialect, offset: int = -1) -> Header:
        """The header in the first line; without one, columns are called 1, 2, 3, ..."""
        names = [name.strip() for name in names]
        if not dialect.header:
            names = [str(k) for k in range(1, len(names) + 1)]
        places = {name: place for place, name in enumerate(names)}
        repeated = frozenset(name for place, name in enumerate(names) if places[name] != place)
        return Header(file, names, places, repeated, dialect, offset)

    def check_rows(self, rows: Sequence[Row]) -> None:
        """Refuse a row that has not a value for each column.

        Raises `DataError`.
        """
        for line, row in rows:
            if len(row) != len(self.names):
                values = f"{len(row)} value" + "s" * (len(row) != 1)
                raise DataError(
                    f"{self.file}:{line}: {values}, but the header names"
                    f" {len(self.names)}{self.other_separator(row)}"
                )

    def other_separator(self, row: Sequence[str]) -> str:
        """The tail of a message, where a row looks as if something else separated its columns."""
        known = SEPARATORS.get(self.dialect.separator, "this separator")
        for other, name in SEPARATORS.items():
            if other != self.dialect.separator and any(other in name for name in self.places):
                return f" between {known}; for {name} say separator = {other!r}".replace("'", '"')
        return ""

    def columns_of(
        self, field: str, type: TensorType, named: Mapping[str, str], fields: Fields
    ) -> list[str]:
        """The header's names for the elements of a field.

        Raises `DataError` where one is missing or stands twice in the header, or where there are
        more or fewer than elements.
        """
        found = self.meant(field, type, named, fields)
        if twice := [name for name in found if name in self.repeated]:
            raise DataError(f"{self.file}: column {twice[0]} appears more than once in the header")
        return found

    def meant(
        self, field: str, type: TensorType, named: Mapping[str, str], fields: Fields
    ) -> list[str]:
        """The same, without a look at names that stand twice.

        Raises `DataError` where one is missing, or there are more or fewer than elements.
        """
        if field in named:
            return self.picked(field, type, named[field])
        if not self.dialect.header:
            return self.in_order(field, fields)
        elements = (f"{field}_{i}" for i in range(type.size)) if type.shape else iter([field])
        wanted = list(takewhile(self.places.__contains__, elements))
        if len(wanted) == type.size:
            return wanted
        if not type.shape and (alike := self.alike(field)):
            return [alike]
        raise DataError(f"{self.file}: {self.missing(field, type, len(wanted))}")

    def picked(self, field: str, type: TensorType, text: str) -> list[str]:
        """The columns that the author names, each alone or by a pattern.

        Raises `DataError` where one is missing, or where there are more or fewer than elements.
        """
        found = list[str]()
        for name in [text] if text in self.places else [part.strip() for part in text.split(",")]:
            matches = [c for c in self.places if fnmatchcase(c, name)]
            columns = [name] if name in self.places else matches
            if not columns:
                raise DataError(f"{self.file}: no column {name}; {self.hint(name)}")
            found += [c for c in columns if c not in found]
        if len(found) != type.size:
            raise DataError(
                f"{self.file}: field {field} : {type} needs {type.size} columns, but"
                f' "{text}" means {len(found)}: {", ".join(found[:SHOWN])}'
            )
        return found

    def in_order(self, field: str, fields: Fields) -> list[str]:
        """Without a header: the fields' columns in the order of their declaration.

        Raises `DataError` where there are more or fewer than the fields have numbers.
        """
        sizes = {name: type.size for name, type in fields}
        if sum(sizes.values()) != len(self.places):
            raise DataError(
                f"{self.file}: {len(self.places)} columns without a header, but the fields have"
                f' {sum(sizes.values())} numbers; name their columns, as in {field} = "1"'
            )
        names, start = list(self.places), 0
        for name, size in sizes.items():
            if name == field:
                break
            start += size
        return names[start : start + sizes[field]]

    def alike(self, field: str) -> str | None:
        """The only column that is called the same but for blanks, signs and capitals."""
        simple = {name: simplified(name) for name in self.places}
        often = Counter(simple.values())
        found = [name for name, text in simple.items() if text == simplified(field)]
        return found[0] if found and often[simplified(field)] == 1 else None

    def missing(self, field: str, type: TensorType, known: int) -> str:
        """The message for a column that is not there."""
        missing = f"{field}_{known}" if type.shape else field
        last = f"{field}_{type.size - 1}"
        reason = f" (field {field} : {type} is {field}_0 to {last})" if type.shape else ""
        return f"no column {missing}{reason}; {self.hint(missing)}"

    def hint(self, name: str) -> str:
        """A hint for a message: a column with a similar name, or all columns."""
        near = get_close_matches(name, list(self.places)[:NEAR], n=1)
        if near and len(self.names) > 1:
            return f"did you mean {near[0]}?"
        tail = ""
        if self.names and self.names[0].lower().startswith("sep="):
            tail = "; the line sep= above the header is none of the table: leave it out"
        elif len(self.names) == 1 and " " in self.names[0]:
            tail = '; for columns with blanks between them say separator = " "'
        elif any(map(_number, self.names)) and self.dialect.separator:
            tail = '; if there is no header, say header = "no"'
        return f"it has {', '.join([*self.places][:SHOWN])}{tail}"


def simplified(name: str) -> str:
    """A column's name as a field could be called."""
    return re.sub(r"\W+", "_", name).strip("_").lower()


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
