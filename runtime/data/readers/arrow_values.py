"""Arrow's columns as arrays and sequences of numbers; nothing else is taken from them."""

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


def require_numbers(type: Any, place: str) -> None:
    """Refuse a column of other things than numbers, or lists of numbers.

    Raises `DataError`.
    """
    inner = type
    while is_list(inner):
        inner = inner.value_type
    if str(inner) not in NUMBERS:
        raise DataError(f"{place} is {str(type)[:80]}, not numbers or lists of numbers")


def dense(array: Any, place: str) -> np.ndarray:
    """Numbers, or equally long lists, as an array.

    Raises `DataError` for lists that differ in length, and where a value is missing.
    """
    require_values(array, place)
    if not is_list(array.type):
        found: np.ndarray = array.to_numpy(zero_copy_only=False)
        return found
    lengths = lengths_of_lists(array)
    if (odd := np.flatnonzero(lengths != lengths[:1])).size:
        first, other = int(lengths[0]), int(lengths[odd[0]])
        raise DataError(
            f"{place}: lists of different lengths are no array: the first has {first}, number"
            f" {odd[0]} (from 0) {other}"
        )
    inner = dense(array.flatten(), place)
    return inner.reshape(len(array), int(lengths[0]) if len(array) else 0, *inner.shape[1:])


def sequences(array: Any, place: str) -> Ragged:
    """Lists of any lengths, as a `Ragged`.

    Raises `DataError` for what is no list.
    """
    require_values(array, place)
    if not is_list(array.type):
        raise DataError(f"{place} is {array.type}, but a sequence is a list of its elements")
    return Ragged(dense(array.flatten(), place), lengths_of_lists(array))


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
