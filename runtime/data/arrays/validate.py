"""Fitting inputs to the types that a spec declares for them.

This is the one place where arrays enter.  A leading axis of examples is all that is added to a
declared shape: nothing is reshaped, no axis of size 1 is left out or put in.  Sequences are a list
of arrays `[T, *shape]`, one array `[N, T, *shape]` of all, or a `Ragged`.  The result is contiguous
and has the session's width: float32 with int32 labels, or float64 with int64 ones.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gradc_compiler.graph.ragged import Batch, Ragged, length_key
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data.arrays.foreign_arrays import each_shared
from gradc_runtime.data.arrays.mend import mend
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import require_memory


def index_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """The integer type that is as wide as this type of real numbers."""
    return np.dtype(np.int32 if np.dtype(dtype).itemsize == 4 else np.int64)


def conform(given: Any, type: TensorType, *, name: str, dtype: DTypeLike) -> Batch:
    """`[N, *type.shape]`, or N sequences of such, of the right kind; `DataError` names `name`."""
    rows = examples(given, type, name) if type.time is None else sequences(given, type, name)
    kind = np.dtype(dtype)
    if type.kind is Kind.INDEX:
        kind = index_dtype(dtype)
        check_labels(rows, type, name, int(np.iinfo(kind).max))
    values = values_of(rows)
    if values.dtype != kind:
        require_memory(values.size * kind.itemsize, name)
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(values, kind)
    return Ragged(values, rows.lengths) if isinstance(rows, Ragged) else values


def values_of(rows: Batch) -> NDArray[Any]:
    """The numbers of examples, or of all elements of sequences."""
    return rows.values if isinstance(rows, Ragged) else rows


def numbers(given: Any, name: str) -> NDArray[Any]:
    """An array of plain numbers, none of them masked.

    Raises `DataError` for anything else.
    """
    require_unmasked(given, name)
    array = np.asarray(as_array(given, name))
    if array.dtype.kind not in "buif":
        raise DataError(f"{name}: needs numbers, got {array.dtype}")
    if not array.flags.c_contiguous:  # a copy is made, which may be far larger than a view
        require_memory(array.nbytes, name)
    return array


def odd_one(given: Any) -> str:
    """Which sample differs in shape from the first, as the tail of a message."""
    first: tuple[int, ...] | None = None
    for number, one in enumerate(given if isinstance(given, list | tuple) else ()):
        try:
            shape = np.shape(one)
        except ValueError:
            return f": those of sample {number}"
        first = shape if first is None else first
        if shape != first:
            return f": sample {number} is {list(shape)}, but sample 0 {list(first)}"
    return ""


def as_array(given: Any, name: str) -> NDArray[Any]:
    """The given value as a NumPy array.

    Raises `DataError` where that is nothing.
    """
    given = each_shared(given, name)
    try:
        return np.asanyarray(given)
    except ValueError:
        raise DataError(f"{name}: rows of different lengths are no array{odd_one(given)}") from None
    except MemoryError:
        raise DataError(f"{name}: there is not enough memory for an array of it") from None
    except Exception as fault:  # libraries raise their own kinds of errors
        raise DataError(f"{name}: no array can be made of it ({str(fault)[:80]})") from None


def require_unmasked(given: Any, name: str) -> None:
    """Refuse an array with masked entries: NumPy's functions would read them as numbers.

    Raises `DataError`.
    """
    masks = sys.modules.get("numpy.ma")  # where it is not imported, there are no masked arrays
    parts = given if isinstance(given, list | tuple) else [given]
    if masks and any(isinstance(p, masks.MaskedArray) and masks.is_masked(p) for p in parts):
        raise DataError(f"{name}: some of it is masked; say what stands there: array.filled(0)")


def examples(given: Any, type: TensorType, name: str) -> NDArray[Any]:
    """`[N, *type.shape]`, once the shape of each example has been found to fit.

    Raises `DataError` where it does not fit.
    """
    if isinstance(given, Ragged):
        raise DataError(f"{name}: declared {type}, but sequences are given")
    array = numbers(given, name)
    if array.ndim == 0:
        raise DataError(f"{name}: needs a leading axis of examples, got a single number")
    if array.shape[1:] != type.shape:
        raise DataError(misfit(array.shape, type, name))
    return array


def misfit(found: tuple[int, ...], type: TensorType, name: str) -> str:
    """The message for an array of another shape: what is expected, what came, and a mend."""
    wanted = ", ".join(["N", *map(str, type.shape)])
    tail = mend(found[1:], type.shape) or mend(found, type.shape)
    if found == type.shape:
        tail = "; a lone example needs an axis of examples before its own"
    listed = ", ".join(map(str, found))
    return f"{name}: declared {type}, so [{wanted}] is expected; got [{listed}]{tail}"


def sequences(given: Any, type: TensorType, name: str) -> Ragged:
    """Sequences of elements whose shape fits, as long as each other where the type says so.

    Raises `DataError` where they do not fit.
    """
    if isinstance(given, list | tuple) and len(given):
        rows = of_list(given, type, name)
    elif isinstance(given, Ragged):
        values = numbers(given.values, name)
        require_shape(values, type, name)
        rows = Ragged(values, checked_lengths(given.lengths, len(values), name))
    else:
        array = numbers(given, name)
        if array.ndim < 2:
            raise DataError(f"{name}: declared {type}, so {forms(type)} is expected; got numbers")
        lengths = np.full(len(array), array.shape[1], np.int64)
        count, longest, *shape = array.shape
        rows = Ragged(array.reshape(count * longest, *shape), lengths)
    require_shape(rows.values, type, name)
    if isinstance(type.time, int) and (rows.lengths != type.time).any():
        wrong = int(np.argmax(rows.lengths != type.time))
        found = f"sample {wrong} has {rows.lengths[wrong]} elements"
        raise DataError(f"{name}: {found}, but {type} has {type.time}")
    return rows


def checked_lengths(given: Any, rows: int, name: str) -> NDArray[np.int64]:
    """A copy of the lengths of sequences that have so many elements together.

    Their sum is taken in Python's integers: one modulo 2^64 may be right for lengths that are not.

    Raises `DataError` where they are not whole numbers from 0 that add up to `rows`.
    """
    lengths = np.array(numbers(given, f"{name}: lengths"))
    if lengths.ndim != 1 or (lengths.size and lengths.dtype.kind not in "iu"):
        found = f"{lengths.dtype} {list(lengths.shape)}"
        raise DataError(f"{name}: lengths are whole numbers, one a sequence; got {found}")
    outside = (lengths < 0) | (lengths > rows)
    if outside.any():
        first = int(np.argmax(outside))
        raise DataError(f"{name}: sample {first} of length {lengths[first]}, for {rows} elements")
    total = sum(lengths.tolist())
    if total != rows:
        raise DataError(f"{name}: the lengths add up to {total}, for {rows} elements")
    return lengths.astype(np.int64)


def of_list(given: list[Any] | tuple[Any, ...], type: TensorType, name: str) -> Ragged:
    """Sequences made from a list of arrays."""
    parts = [numbers(one, f"{name}: sample {i}") for i, one in enumerate(given)]
    for i, part in enumerate(parts):
        if part.ndim == 0 or len(part):
            require_shape(part, type, f"{name}: sample {i}")
    return Ragged.of([part if len(part) else part.reshape(0) for part in parts], type.shape)


def require_shape(elements: NDArray[Any], type: TensorType, name: str) -> None:
    """Refuse elements of another shape.

    Raises `DataError`.
    """
    if elements.ndim == 0 or elements.shape[1:] != type.shape:
        found = ", ".join(["T", *map(str, elements.shape[1:])]) if elements.ndim else ""
        raise DataError(
            f"{name}: declared {type}, so {forms(type)} is expected; got [{found}]"
            f"{mend(elements.shape[1:], type.shape) if elements.ndim else ''}"
        )


def forms(type: TensorType) -> str:
    """How sequences of this type may be given, for a message."""
    sizes = "".join(f", {size}" for size in type.shape)
    return f"a list of arrays [T{sizes}]"


def lengths_of(rows: Mapping[str, Batch], types: Mapping[str, TensorType]) -> dict[str, Any]:
    """`length/NAME` [N] of each time that has a name; `DataError` where two sequences differ."""
    found: dict[str, Any] = {}
    first: dict[str, str] = {}
    for name, given in rows.items():
        time = types[name].time
        if not isinstance(given, Ragged) or not isinstance(time, str):
            continue
        known = found.setdefault(length_key(time), given.lengths)
        other = first.setdefault(time, name)
        if (wrong := np.flatnonzero(known != given.lengths)).size:
            i = wrong[0]
            raise DataError(
                f"{name}: sample {i} has {given.lengths[i]} elements, but that of {other}"
                f" {known[i]}, and both are seq({time})"
            )
    return found


def check_labels(rows: Batch, type: TensorType, name: str, most: int) -> None:
    """Whole numbers within the declared classes, or up to the most that an index can be."""
    array = values_of(rows)
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.floor(array))
        refuse(~whole, rows, name, "is not a whole number")
    if type.classes is not None:
        label = type.over(None)
        outside = (array < 0) | (array >= type.classes)
        refuse(outside, rows, name, f"is outside {label}, which allows 0 to {type.classes - 1}")
    else:
        refuse(array < 0, rows, name, "is negative, and an index counts from 0")
        floats = array.dtype.kind == "f"  # which may round the largest index up
        beyond = array >= float(most + 1) if floats else array > most
        refuse(beyond, rows, name, f"is larger than {most}, the largest index")


def require_finite(rows: Batch, name: str) -> None:
    """Refuse NaN and infinity, naming the first."""
    array = values_of(rows)
    if array.dtype.kind == "f":
        refuse(~np.isfinite(array), rows, name, "is not a finite number")


def refuse(wrong: NDArray[np.bool_], rows: Batch, name: str, why: str) -> None:
    """Raise for the first wrong number, naming its sample, step (from 0), place and value.

    Raises `DataError`, always.
    """
    if not wrong.any():
        return
    place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    within = f", element {[int(i) for i in place[1:]]}" if len(place) > 1 else ""
    sample = f"sample {place[0]}"
    if isinstance(rows, Ragged):
        number = int(np.searchsorted(rows.starts, place[0], side="right")) - 1
        sample = f"sample {number}, step {place[0] - rows.starts[number]}"
    raise DataError(f"{name}: {values_of(rows)[place]} of {sample}{within} {why}")
