"""Arrow's columns of numbers, and of lists of numbers, as arrays and sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc_compiler.graph.ragged import Ragged
from gradc_runtime.system.errors import DataError

WIDTHS = (8, 16, 32, 64)
NUMBERS = {"bool", "halffloat", "float", "double"}
NUMBERS |= {f"{sign}int{width}" for sign in ("", "u") for width in WIDTHS}


def is_list(type: Any) -> bool:
    """Whether an Arrow type is one of lists, equally long or not."""
    return hasattr(type, "value_type") and str(type).startswith(
        ("list<", "large_list<", "fixed_size_list<")
    )


def dense_or_gaps(array: Any, place: str, first: int) -> np.ndarray:
    """Numbers, or equally long lists; float64 with NaN for what is missing, where something is.

    Raises `DataError` for lists that differ in length; `first` is the number of the first row.
    """
    if str(array.type).startswith("decimal"):
        array = array.cast("float64")
    if is_list(array.type):
        there = array.is_valid().to_numpy(zero_copy_only=False)
        found = lists(array.drop_null(), place, np.flatnonzero(there) + first + 1)
        if there.all():
            return found
        if not there.any():
            return np.full(len(there), np.nan)  # of whatever length
        full = np.full((len(there), *found.shape[1:]), np.nan)
        full[there] = found
        return full
    if array.null_count:
        array = array.cast("float64", safe=False)
    numbers: np.ndarray = array.to_numpy(zero_copy_only=False)
    return numbers


def lists(array: Any, place: str, rows: np.ndarray) -> np.ndarray:
    """Equally long lists, none of them missing, as an array; `rows` are their numbers.

    Raises `DataError` where they differ in length.
    """
    lengths = lengths_of_lists(array)
    if (odd := np.flatnonzero(lengths != lengths[:1])).size:
        raise DataError(
            f"{place}: lists of different lengths are no array: row {rows[0]:,} has"
            f" {lengths[0]}, row {rows[odd[0]]:,} has {lengths[odd[0]]}"
        )
    inner = dense_or_gaps(array.flatten(), place, 0)
    return inner.reshape(len(array), int(lengths[0]) if len(array) else 0, *inner.shape[1:])


def sequences(array: Any, place: str) -> Ragged:
    """Lists of any lengths, as a `Ragged`.

    Raises `DataError` for what is no list.
    """
    require_values(array, place)
    if not is_list(array.type):
        raise DataError(f"{place} is {array.type}, but a sequence is a list of its elements")
    inner = array.flatten()
    if inner.null_count:
        raise DataError(f"{place}: {inner.null_count:,} elements of its sequences are missing")
    return Ragged(dense_or_gaps(inner, place, 0), lengths_of_lists(array))


def lengths_of_lists(array: Any) -> np.ndarray:
    """How many elements each list has."""
    if hasattr(array.type, "list_size"):
        return np.full(len(array), array.type.list_size, np.int64)
    lengths: np.ndarray = np.diff(array.offsets.to_numpy()).astype(np.int64)
    return lengths


def require_values(array: Any, place: str) -> None:
    """Refuse an Arrow array in which values are missing.

    Raises `DataError`.
    """
    if array.null_count:
        raise DataError(f"{place}: {array.null_count:,} of {len(array):,} values are missing")
