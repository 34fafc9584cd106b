"""The labels of texts that are the rows of one file: names of classes, or their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.folders.found_files import SHOWN
from gradc_runtime.data.readers.text_rows import TextRow
from gradc_runtime.data.tables.cells import GAPS, in_order, numbers_as_names
from gradc_runtime.data.tables.wishes import named_fields
from gradc_runtime.system.errors import DataError

MISSING = ("", "class", "drop")


@dataclass(frozen=True)
class TextLabels:
    """What is known, and wanted, of the labels of texts."""

    field: str  # empty where there is none
    count: int | None  # of classes, as far as the field says
    known: Sequence[str] | None  # the names that an earlier run has found; none: numbers
    missing: str = ""  # what becomes of a text without a label
    are_named: bool = False  # numbers are names

    def wished(self, missing: str, categories: str) -> TextLabels:
        """The same with what the author wants.

        Raises `DataError` for words that mean nothing here.
        """
        if missing not in MISSING:
            raise DataError(f'texts: missing is "class" or "drop", not "{missing}"')
        fields, what = [self.field] if self.field else [], "categories names the field of labels"
        named = named_fields("texts", what, categories, fields, self.known is not None)
        return replace(self, missing=missing, are_named=bool(named))

    def kept(self, rows: Sequence[TextRow]) -> list[int]:
        """The numbers of the rows that are read: all, or those with a label.

        Raises `DataError` for a text without one, unless it is said what becomes of it.
        """
        gaps = {k for k, (_, label, _) in enumerate(rows) if self.field and label in GAPS}
        if gaps and not self.missing:
            _, label, place = rows[min(gaps)]
            raise DataError(
                f'{place}: {self.field} "{label}" is missing; say missing = "class" or "drop"'
            )
        return [k for k in range(len(rows)) if self.missing != "drop" or k not in gaps]

    def names(self, rows: Sequence[TextRow]) -> Sequence[str]:
        """The names of the classes; none where they are numbers already.

        Raises `DataError` where there are more than the field has.
        """
        if self.known is not None:
            return self.known
        found = {label for _, label, _ in rows}
        names = [*in_order(found - GAPS), *[""] * bool(found & GAPS)]
        if not self.are_named and all(is_number(name) for name in names):
            return ()
        if self.count is not None and len(names) > self.count:
            raise DataError(
                f"{rows[0][2].rpartition(':')[0]}: {self.field} has {len(names)} names"
                f" ({', '.join(name or '(missing)' for name in names[:SHOWN])}),"
                f" but {self.field} : class({self.count})"
            )
        return names

    def numbers(self, rows: Sequence[TextRow], names: Sequence[str]) -> NDArray[np.int64]:
        """The class of each text [N].

        Raises `DataError` for a label that has none.
        """
        places = {name: k for k, name in enumerate(names)}
        found = np.empty(len(rows), np.int64)
        for k, (_, label, place) in enumerate(rows):
            name = "" if label in GAPS else label
            if names and name not in places:
                known = ", ".join(name or "(missing)" for name in names[:SHOWN])
                raise DataError(f'{place}: {self.field} "{label}" is none of {known}')
            found[k] = places[name] if names else self._number(label, place)
        return found

    def _number(self, label: str, place: str) -> int:
        if not (is_number(label) and len(label) < 10):
            raise DataError(f'{place}: {self.field} "{label[:40]}" is no number of a class')
        if self.count is not None and int(label) >= self.count:
            mend = f"; {numbers_as_names(self.field)}" if self.known is None else ""
            raise DataError(
                f'{place}: {self.field} "{label}" is outside class({self.count}), which allows 0'
                f" to {self.count - 1}{mend}"
            )
        return int(label)


def is_number(label: str) -> bool:
    """Whether a label is a number as it stands."""
    return label.isdecimal() and label.isascii()
