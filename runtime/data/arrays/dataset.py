"""A data set: a named array or sequences with a row for each example, all checked, and how to
divide it.

A source hands over `Columns`, arrays under its own names; `from_columns` finds the one that each
declared field means: the column of that name, or else the first one left that fits its kind and
shape.  Rows are drawn by `gradc_runtime.data.arrays.shuffle`, so a split is a function of the seed
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from gradc_compiler.graph.ragged import Batch, Ragged, take
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data.arrays.alphabet import Alphabet
from gradc_runtime.data.arrays.mend import mend
from gradc_runtime.data.arrays.shuffle import SPLIT, permutation
from gradc_runtime.data.arrays.validate import conform, lengths_of, require_finite
from gradc_runtime.system.errors import DataError

MOST_NAMED = 20  # arrays, in a message
SIMPLEST = 10**9  # denominator of a share
Fields = Iterable[tuple[str, TensorType]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What a source found: arrays under its own names, and the test part it comes with."""

    origin: str  # "houses.csv", "iris()": for messages
    arrays: Mapping[str, Any]  # an array, a `Ragged`, or a list of arrays each
    held_out: Mapping[str, Any] | None = None
    by_name: bool = False  # the author chose the names, so they must match
    alphabet: Alphabet | None = None  # what the classes of its texts stand for


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Examples in rows: one contiguous array for each field, or a `Ragged` of sequences."""

    name: str
    types: Mapping[str, TensorType]
    arrays: Mapping[str, Batch]
    held_out: Dataset | None = None  # a test part that the source itself sets apart
    alphabet: Alphabet | None = None

    @property
    def examples(self) -> int:
        """How many rows."""
        return len(next(iter(self.arrays.values())))

    @property
    def longest(self) -> int:
        """The most elements that a sequence has; 1 where there is none."""
        found = [a.lengths.max() for a in self.arrays.values() if isinstance(a, Ragged)]
        return max([1, *map(int, found)])

    @cached_property
    def lengths(self) -> dict[str, np.ndarray]:
        """`length/NAME` of each time, for all examples."""
        return lengths_of(self.arrays, self.types)

    def take(
        self, rows: np.ndarray | slice, names: Iterable[str] | None = None
    ) -> dict[str, Batch]:
        """The given rows of the fields (all, if None) and of the lengths, in new arrays."""
        wanted = {n: self.arrays[n] for n in (self.arrays if names is None else names)}
        return {name: take(batch, rows) for name, batch in {**wanted, **self.lengths}.items()}

    def select(self, rows: np.ndarray) -> Dataset:
        """The given rows as a data set of their own."""
        arrays = {name: take(batch, rows) for name, batch in self.arrays.items()}
        return Dataset(name=self.name, types=self.types, arrays=arrays)


def from_arrays(
    fields: Fields,
    arrays: Mapping[str, Any],
    *,
    dtype: DTypeLike = np.float32,
    name: str = "arrays",
) -> Dataset:
    """A data set of arrays in memory, named as the fields are."""
    types = dict(fields)
    lists = (list, tuple, Ragged)
    columns = {str(k): v if isinstance(v, lists) else np.asanyarray(v) for k, v in arrays.items()}
    return from_columns(types, Columns(origin=name, arrays=columns, by_name=True), dtype)


def as_declared(data: Dataset, types: Mapping[str, TensorType], dtype: DTypeLike) -> Dataset:
    """A data set that anybody may have made, once its types and numbers have been checked."""
    parts = [part for part in (data, data.held_out) if part is not None]
    for part, field in product(parts, types):
        require_type(field, types[field], part.types.get(field), data.name)
    columns = Columns(
        origin=data.name, arrays=data.arrays, by_name=True, alphabet=data.alphabet,
        held_out=None if data.held_out is None else data.held_out.arrays,
    )  # fmt: skip
    return from_columns(types, columns, dtype)


def require_type(field: str, wanted: TensorType, found: TensorType | None, origin: str) -> None:
    """Refuse a field of another type; what a length is called says nothing.

    Raises `DataError`.
    """
    if found is None:
        raise DataError(f"{origin}: has no {field}, which is declared {wanted}")
    if unnamed(found) != unnamed(wanted):
        raise DataError(f"{origin}: {field} is {found}, but is declared {wanted}")


def unnamed(type: TensorType) -> TensorType:
    """A type whose length, if it has a name, has one that all have."""
    return type.over("T") if isinstance(type.time, str) else type


def from_columns(types: Mapping[str, TensorType], columns: Columns, dtype: DTypeLike) -> Dataset:
    """Match columns to fields and check every number.

    Raises `DataError` for a column that is missing or does not fit.
    """
    held_out = None
    if columns.held_out is not None:
        test = Columns(origin=columns.origin, arrays=columns.held_out, by_name=columns.by_name)
        held_out = from_columns(types, test, dtype)
    arrays: dict[str, Batch] = {}
    for field, column in assign(types, columns).items():
        label = f"{columns.origin}: {field}"
        arrays[field] = conform(columns.arrays[column], types[field], name=label, dtype=dtype)
        require_finite(arrays[field], label)
    require_equal_counts(arrays, columns.origin)
    try:
        lengths_of(arrays, types)
    except DataError as fault:
        raise DataError(f"{columns.origin}: {fault}") from None
    return Dataset(
        name=columns.origin, types=dict(types), arrays=arrays, held_out=held_out,
        alphabet=columns.alphabet,
    )  # fmt: skip


def require_equal_counts(arrays: Mapping[str, Batch], origin: str) -> None:
    """Every field must have the same number of rows, and at least one.

    Raises `DataError`.
    """
    if not arrays:
        raise DataError(f"{origin}: no field is declared for it")
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise DataError(f"{origin}: fields differ in their number of examples: {counts}")
    if 0 in lengths.values():
        raise DataError(f"{origin}: there are no examples")


def assign(types: Mapping[str, TensorType], columns: Columns) -> dict[str, str]:
    """For each field, the column it means."""
    chosen = {field: field for field in types if field in columns.arrays}
    for field, type in types.items():
        if field not in chosen:
            left = [c for c in columns.arrays if c not in chosen.values()]
            chosen[field] = pick(field, type, columns, left)
    return {field: chosen[field] for field in types}


def pick(field: str, type: TensorType, columns: Columns, left: list[str]) -> str:
    """The first column left that fits a field whose name no column has.

    Raises `DataError` where no column fits.
    """
    if not columns.by_name:
        kinds = "bui" if type.kind is Kind.INDEX else "fbui"
        for kind in kinds:
            for name in left:
                if could_be(columns.arrays[name], type, kind):
                    return name
    known = list(columns.arrays.items())
    has = ", ".join(f"{name} {form(given)}" for name, given in known[:MOST_NAMED])
    has += ", ..." * (len(known) > MOST_NAMED)
    near = get_close_matches(field, left, n=1)
    hint = f"; did you mean {near[0]}?" if near else resembling(type, columns, left)
    raise DataError(f"{columns.origin}: nothing fits field {field} : {type}; it has {has}{hint}")


def could_be(given: Any, type: TensorType, kind: str) -> bool:
    """Whether a column holds this kind of number in tensors, or sequences, of this type."""
    if isinstance(given, Ragged):
        sequence = given.values.dtype.kind == kind and given.values.shape[1:] == type.shape
        return sequence and type.time is not None
    axes = 1 if type.time is None else 2
    fits = given.ndim >= axes and given.shape[axes:] == type.shape
    return bool(given.dtype.kind == kind and fits)


def resembling(type: TensorType, columns: Columns, left: list[str]) -> str:
    """How the first column left with as many numbers an example would have to be reshaped."""
    arrays = [columns.arrays[name] for name in left if type.time is None]
    shapes = [given.shape[1:] for given in arrays if isinstance(given, np.ndarray)]
    return next((tail for shape in shapes if (tail := mend(shape, type.shape))), "")


def form(given: Any) -> str:
    """The shape of a column's examples, for a message."""
    if isinstance(given, Ragged):
        return f"seq {list(given.values.shape[1:])}"
    return str(list(given.shape[1:])) if isinstance(given, np.ndarray) else "(a list)"


def split(dataset: Dataset, held_out: float, seed: int) -> tuple[Dataset, Dataset | None]:
    """A part to train on and a part held out: the source's own, or a random share of the rows.

    Raises `DataError` for a share that is not from 0 to 1.
    """
    if not 0.0 <= held_out < 1.0:
        raise DataError(f"held_out must be at least 0 and less than 1, got {held_out:g}")
    if dataset.held_out is not None:
        return dataset, dataset.held_out
    share = Fraction(held_out).limit_denominator(SIMPLEST)  # 0.29 is 29/100, as it was written
    count = int(dataset.examples * share)
    if count == 0:
        return dataset, None
    rows = permutation(dataset.examples, seed, SPLIT)
    return dataset.select(np.sort(rows[count:])), dataset.select(np.sort(rows[:count]))
