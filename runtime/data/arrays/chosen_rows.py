"""Rows of an array that are not copied yet: the array, and the numbers of the rows.

A device that has the whole array takes the rows there; for all others this is an array of NumPy as
soon as somebody asks for the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, eq=False)
class ChosenRows:
    """`array[rows]`; `owner` is the data set, with which the array lives."""

    array: NDArray[Any]
    rows: NDArray[np.int64]
    owner: object

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> ChosenRows:
        return ChosenRows(self.array, self.rows[rows], self.owner)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found: NDArray[Any] = self.array[self.rows]
        return found if dtype is None else found.astype(dtype, copy=False)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a number."""
        found: np.dtype[Any] = self.array.dtype
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, then what each row is."""
        return len(self.rows), *self.array.shape[1:]


def as_arrays(batches: Mapping[str, Any]) -> dict[str, Any]:
    """The same batches, with all rows copied."""
    return {n: np.asarray(b) if isinstance(b, ChosenRows) else b for n, b in batches.items()}
