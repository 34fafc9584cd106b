"""A data set: a named array or sequences with a row for each example, all checked, and how to
divide it.

A source hands over `Columns`; `from_columns` finds the one that each declared field means, and
checks it.  Rows are drawn by `gradc_runtime.data.arrays.shuffle`, so a split is a function of the
seed alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from gradc_compiler.graph.ragged import Batch, Ragged
from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.alphabet import Alphabet
from gradc_runtime.data.arrays.checked import Batches, check_inputs
from gradc_runtime.data.arrays.chosen_rows import ChosenRows
from gradc_runtime.data.arrays.columns import Columns, assign
from gradc_runtime.data.arrays.examples import ROWS, Epoch, Examples, longest_of, of_rows
from gradc_runtime.data.arrays.shuffle import SPLIT, permutation
from gradc_runtime.data.arrays.validate import as_array, lengths_of
from gradc_runtime.data.arrays.variation import Variation, Varied
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError

SIMPLEST = 10**9  # denominator of a share
Fields = Iterable[tuple[str, TensorType]]
E = TypeVar("E", bound=Examples)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Examples in rows: one contiguous array for each field, or a `Ragged` of sequences."""

    name: str
    types: Mapping[str, TensorType]
    arrays: Mapping[str, Batch]
    held_out: Any = None  # a test part that the source sets apart, or that the spec names
    alphabet: Alphabet | None = None
    encoding: Encoding | None = None  # what numbers stand for, where they were made of words
    variation: Variation | None = None  # how an epoch varies its examples
    kept: np.ndarray | None = None  # numbers of a table's rows, where some were left out
    names: tuple[str, ...] | None = None  # of the file that each example lies in

    @property
    def examples(self) -> int:
        """How many rows."""
        return len(next(iter(self.arrays.values())))

    @property
    def longest(self) -> int:
        """The most elements that a sequence has; 1 where there is none."""
        return longest_of(self.arrays.values())

    @cached_property
    def lengths(self) -> dict[str, np.ndarray]:
        """`length/NAME` of each time, for all examples."""
        return lengths_of(self.arrays, self.types)

    @property
    def order(self) -> str:
        """The name of the order of an epoch: all that decides it besides the seed."""
        return ROWS if self.variation is None else f"{ROWS}, {self.variation.told()}"

    def bytes_each(self, names: Iterable[str]) -> float:
        """How much memory an example's fields take on average."""
        return sum(self.arrays[name].nbytes for name in names) / self.examples

    def take(self, rows: np.ndarray | slice, names: Iterable[str] | None = None) -> Batches:
        """The given rows of the fields (all fields, if None) and their lengths, in new arrays."""
        wanted = {n: self.arrays[n] for n in (self.arrays if names is None else names)}
        return of_rows({**wanted, **self.lengths}, rows)

    def in_turn(self, at_once: int) -> Iterator[Batches]:
        """All examples in the order in which they are stored, `at_once` at a time."""
        for start in range(0, self.examples, at_once):
            yield self.take(slice(start, start + at_once))

    def epoch(self, seed: int, number: int, start: int, names: Iterable[str]) -> Epoch:
        """The examples in the shuffled order of epoch `number`."""
        rows = ShuffledRows(self, permutation(self.examples, seed, number), list(names))
        return rows if self.variation is None else Varied(rows, self.variation, seed, number)

    def part(self, seed: int, start: int, stop: int) -> Dataset:
        """The rows at the places `start` to before `stop` of a random order, in the stored one."""
        rows = permutation(self.examples, seed, SPLIT)[start:stop]
        return replace(self.select(np.sort(rows)), variation=self.variation)

    def select(self, rows: np.ndarray) -> Dataset:
        """The given rows as a data set of their own."""
        arrays = of_rows(self.arrays, rows)
        return Dataset(name=self.name, types=self.types, arrays=arrays, encoding=self.encoding)


@dataclass(frozen=True)
class ShuffledRows:
    """The rows of a data set in the order of an epoch."""

    data: Dataset
    rows: np.ndarray
    names: list[str]

    def take(self, start: int, stop: int) -> Batches:
        """The examples at the places `start` to before `stop` of the epoch."""
        return self.data.take(self.rows[start:stop], self.names)

    def chosen(self, start: int, stop: int) -> Batches:
        """The same, without a copy: the numbers of the rows; sequences are copied."""
        if any(isinstance(self.data.arrays[name], Ragged) for name in self.names):
            return self.take(start, stop)
        rows = self.rows[start:stop]
        arrays: Mapping[str, Any] = self.data.arrays
        chosen: Any = {name: ChosenRows(arrays[name], rows, self.data) for name in self.names}
        return Batches(chosen)

    def close(self) -> None:
        """Do nothing: these rows hold no resources."""


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
    columns = {
        str(key): v if isinstance(v, lists) else as_array(v, f"{name}: {key}")
        for key, v in arrays.items()
    }
    return from_columns(types, Columns(origin=name, arrays=columns, by_name=True), dtype)


def as_declared(data: Dataset, types: Mapping[str, TensorType], dtype: DTypeLike) -> Dataset:
    """A data set of any origin, once its types and numbers have been checked."""
    if data.held_out is not None and not isinstance(data.held_out, Dataset):  # read as it is needed
        part = data.held_out.as_declared(types, dtype)
        return replace(as_declared(replace(data, held_out=None), types, dtype), held_out=part)
    parts = [part for part in (data, data.held_out) if part is not None]
    for part, field in product(parts, types):
        require_type(field, types[field], part.types.get(field), data.name)
    columns = Columns(
        origin=data.name, arrays=data.arrays, by_name=True, alphabet=data.alphabet,
        encoding=data.encoding, variation=data.variation,
        held_out=None if data.held_out is None else data.held_out.arrays,
    )  # fmt: skip
    return from_columns(types, columns, dtype)


def require_type(field: str, wanted: TensorType, found: TensorType | None, origin: str) -> None:
    """Refuse a field whose type differs from the declared one; names of lengths do not matter.

    Raises `DataError`.
    """
    if found is None:
        raise DataError(f"{origin}: has no {field}, which is declared {wanted}")
    if unnamed(found) != unnamed(wanted):
        raise DataError(f"{origin}: {field} is {found}, but is declared {wanted}")


def unnamed(type: TensorType) -> TensorType:
    """The type with the name of its length, if it has one, replaced by a common one."""
    return type.over("T") if isinstance(type.time, str) else type


def from_columns(types: Mapping[str, TensorType], columns: Columns, dtype: DTypeLike) -> Dataset:
    """Match columns to fields and check every number.

    Raises `DataError` for a column that is missing or does not fit.
    """
    held_out = None
    if columns.held_out is not None:
        test = Columns(origin=columns.origin, arrays=columns.held_out, by_name=columns.by_name)
        held_out = from_columns(types, test, dtype)
    if not types:
        raise DataError(f"{columns.origin}: no field is declared for it")
    chosen = assign(types, columns)
    given = {field: columns.arrays[column] for field, column in chosen.items()}
    found = check_inputs(given, types, dtype, origin=columns.origin)
    arrays = {field: found[field] for field in types}
    return Dataset(
        name=columns.origin, types=dict(types), arrays=arrays, held_out=held_out,
        alphabet=columns.alphabet, variation=columns.variation, kept=columns.kept,
        names=columns.names,
        encoding=None if columns.encoding is None else columns.encoding.of_fields(chosen),
    )  # fmt: skip


def split(dataset: E, held_out: float, seed: int, limit: int | None = None) -> tuple[E, E | None]:
    """A part to train on and a part held out: the source's own, or a random share of the rows.

    Each has at most `limit` rows, drawn at random.  Raises `DataError` for a share that is not from
    0 to 1.
    """
    if not 0.0 <= held_out < 1.0:
        raise DataError(f"held_out must be at least 0 and less than 1, got {held_out:g}")
    own: E | None = dataset.held_out
    count = 0 if own is not None else held_out_count(dataset.examples, held_out)
    if count:
        own = part_of(dataset, seed, 0, count, limit)
    elif own is not None:
        own = part_of(own, seed, 0, own.examples, limit)
    return part_of(dataset, seed, count, dataset.examples, limit), own


def part_of(data: E, seed: int, start: int, stop: int, limit: int | None) -> E:
    """The first `limit` examples from `start` to before `stop` of a random order; all as it is."""
    stop = stop if limit is None else min(stop, start + limit)
    return data if (start, stop) == (0, data.examples) else data.part(seed, start, stop)


def held_out_count(examples: int, share: float) -> int:
    """How many examples a share is: 0.29 is 29/100, as it was written."""
    return int(examples * Fraction(share).limit_denominator(SIMPLEST))


def taken(order: Epoch, start: int, stop: int, *, copied: bool) -> Batches:
    """Examples of an epoch; where they need not be copied, the numbers of their rows if they lie in
    memory as they are.
    """
    if not copied and isinstance(order, ShuffledRows):
        return order.chosen(start, stop)
    return order.take(start, stop)
