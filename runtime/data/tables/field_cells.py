"""The cells that a field takes from a table: its columns, in each of several files or parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.tables.cells import Column
from gradc_runtime.data.tables.dialect import Dialect
from gradc_runtime.system.errors import DataError


@dataclass(frozen=True)
class FieldCells:
    """A field's columns, element by element, in each of several files."""

    name: str
    type: TensorType
    files: Sequence[tuple[Sequence[Column], Dialect]]

    def is_of_words(self) -> bool:
        """Whether the field is one of classes that are written as words."""
        columns = ((c, dialect) for part, dialect in self.files for c in part)
        return self.type.kind is Kind.INDEX and any(c.is_of_words(d) for c, d in columns)

    def words(self) -> NDArray[np.object_]:
        """[N, elements] texts; a gap is the empty one."""
        parts = [np.array([c.categories() for c in part], object).T for part, _ in self.files]
        return np.concatenate(parts)

    def date_format(self, said: str) -> str:
        """The format of the field's dates; empty if its cells are no dates."""
        if self.type.kind is Kind.INDEX:
            return ""
        return next((f for part, _ in self.files for c in part if (f := c.date_format(said))), "")

    def numbers(self, date: str) -> NDArray[Any]:
        """The cells as numbers [N, elements]; NaN for a gap.

        Raises `DataError` for a cell that is none, or that is not finite.
        """
        parts = [
            self._beside([self._flat(c, c.numbers(dialect, date)) for c in part])
            for part, dialect in self.files
        ]
        found = np.concatenate(parts) if len(parts) > 1 else parts[0]
        if (infinite := np.argwhere(np.isinf(found))).size:
            row, element = map(int, infinite[0])
            raise self.fault(row, element, "is not a finite number")
        if self.type.kind is Kind.INDEX:
            self._require_classes(found)
        return found

    def _require_classes(self, found: NDArray[Any]) -> None:
        """Refuse numbers that are no class of the field; gaps are left.

        Raises `DataError`, with the first.
        """
        most = np.inf if self.type.classes is None else self.type.classes
        wrong = ~np.isnan(found) & ((found < 0) | (found >= most) | (found != np.floor(found)))
        if wrong.any():
            row, element = map(int, np.argwhere(wrong)[0])
            if found[row, element] % 1:
                raise self.fault(row, element, f"is not a whole number, as {self.name} needs")
            allowed = f", which allows 0 to {most - 1}" if self.type.classes else ""
            label = self.type.over(None)
            raise self.fault(row, element, f"is outside {label} of {self.name}{allowed}")

    def _beside(self, columns: list[NDArray[Any]]) -> NDArray[Any]:
        """Columns as [N, elements]; a single one without any list is gaps in all of them."""
        found = np.concatenate(columns, axis=1)
        if len(columns) == 1 and found.shape[1] == 1:
            return np.repeat(found, self.type.size, axis=1)
        return found

    def _flat(self, column: Column, found: NDArray[Any]) -> NDArray[Any]:
        """A column of numbers as [N, 1], one of lists as [N, elements].

        Raises `DataError` for lists of another shape than the field's.
        """
        if found.ndim > 1 and found.shape[1:] != self.type.shape:
            raise DataError(
                f"{column.file}: column {column.name}: {self.name} is declared {self.type}, but an"
                f" example has a list of {list(found.shape[1:])}"
            )
        elements = int(np.prod(found.shape[1:]))
        return found.reshape(len(found), elements)

    def fault(self, row: int, element: int, what: str) -> DataError:
        """The error for a cell, saying what is wrong with it."""
        for part, _ in self.files:
            if row < len(part[0]):
                return part[min(element, len(part) - 1)].fault(row, what)
            row -= len(part[0])
        raise AssertionError("a row is in one of the files")
