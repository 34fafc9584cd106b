"""Fitting an array to the type a spec declares for it.

Axes of size 1 may be missing or added, and a flat row of numbers may stand for a tensor of as many
elements (and the other way round); nothing else is guessed.  The result is contiguous and has the
session's width: float32 with int32 labels, or float64 with int64 ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from compiler.graph.types import Kind, TensorType
from runtime.errors import DataError


def index_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """The integers as wide as a real of this session."""
    return np.dtype(np.int32 if np.dtype(dtype).itemsize == 4 else np.int64)


def conform(array: Any, type: TensorType, *, name: str, dtype: DTypeLike) -> np.ndarray:
    """The array as [N, *type.shape] of the right kind, or a `DataError` that names `name`."""
    array = np.asarray(array)
    if array.dtype.kind not in "buif":
        raise DataError(f"{name}: needs numbers, got {array.dtype}")
    shaped = array.reshape(len_of(array, type, name), *type.shape)
    if type.kind is Kind.INDEX:
        return np.ascontiguousarray(checked_labels(shaped, type, name), index_dtype(dtype))
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(shaped, np.dtype(dtype))


def len_of(array: np.ndarray, type: TensorType, name: str) -> int:
    """Number of examples, once the shape of each has been found to fit."""
    if array.ndim == 0:
        raise DataError(f"{name}: needs a leading axis of examples, got a single number")
    if not fits(array.shape[1:], type.shape):
        found = ", ".join(map(str, array.shape))
        wanted = ", ".join(["N", *map(str, type.shape)])
        raise DataError(f"{name}: declared {type}, so [{wanted}] is expected; got [{found}]")
    return int(array.shape[0])


def fits(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether one shape can stand for the other without guessing."""
    a = [n for n in found if n != 1]
    b = [n for n in wanted if n != 1]
    return a == b or (min(len(a), len(b)) == 1 and np.prod(a) == np.prod(b))


def checked_labels(array: np.ndarray, type: TensorType, name: str) -> np.ndarray:
    """Whole numbers within the declared classes."""
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.floor(array))
        refuse(~whole, array, name, "is not a whole number")
    if type.classes is not None:
        outside = (array < 0) | (array >= type.classes)
        refuse(outside, array, name, f"is outside {type}, which allows 0 to {type.classes - 1}")
    else:
        refuse(array < 0, array, name, "is negative, and an index counts from 0")
    return array


def require_finite(array: np.ndarray, name: str) -> None:
    """Refuse NaN and infinity, naming the first."""
    if array.dtype.kind == "f":
        refuse(~np.isfinite(array), array, name, "is not a finite number")


def refuse(wrong: np.ndarray, array: np.ndarray, name: str, why: str) -> None:
    """Raise for the first wrong element: sample (from 0), place within it, value."""
    if not wrong.any():
        return
    place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    within = f", element {[int(i) for i in place[1:]]}" if len(place) > 1 else ""
    raise DataError(f"{name}: {array[place]} of sample {place[0]}{within} {why}")
