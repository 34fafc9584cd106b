"""Inputs of an entry: arrays and sequences as users write them, checked and made words.

A sequence also tells the lengths of its time.  An entry may need those lengths (`length(ys)`) where
it reads none of the sequences themselves, so they are inputs of their own: `length/NAME`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.ragged import Batch, Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.entry import Entry
from gradc_runtime.data.arrays.validate import conform, index_dtype, lengths_of, values_of
from gradc_runtime.session.backends import Batches
from gradc_runtime.session.index_reach import LENGTH
from gradc_runtime.session.state import suggestion
from gradc_runtime.system.errors import DataError, SessionError

Types = Mapping[str, TensorType]


def read_by(entry: Entry) -> list[str]:
    """Names of the arrays and sequences that an entry reads."""
    return list(entry.inputs)


def lengths_read_by(entry: Entry) -> list[str]:
    """Names of the lengths that an entry wants."""
    return [f"{LENGTH}{time}" for time in entry.times if isinstance(time, str)]


def chosen(entry: Entry, batches: Mapping[str, Batch]) -> Batches:
    """Of some inputs those that an entry reads."""
    return {name: batches[name] for name in [*read_by(entry), *lengths_read_by(entry)]}


def checked(entry: Entry, declared: Types, given: Mapping[str, Any], dtype: str) -> Batches:
    """The inputs, each as `[N, ...]` or N sequences of its declared type, and the lengths [N].

    Raises `SessionError` where something that the entry reads is missing or does not fit.
    """
    arrays = entry.inputs
    types = {**declared, **arrays}
    missing = [name for name in arrays if name not in given]
    if missing:
        raise SessionError(f"{missing[0]} : {types[missing[0]]} is missing")
    try:
        found = {
            name: conform(value, types[name], name=name, dtype=dtype)
            for name, value in given.items()
            if name in types
        }
        require_equal_counts(found)
        found |= lengths_of(found, types)
    except DataError as fault:
        raise SessionError(str(fault)) from None
    for length in lengths_read_by(entry):
        if length not in found:
            raise SessionError(f"{missing_sequence(length, types)} is missing")
    return found


def is_plain(given: Mapping[str, Any], found: Mapping[str, Batch], names: Iterable[str]) -> bool:
    """Whether the arrays that were `given` needed no conversion, and are just those called `names`.

    Then native code may read the caller's memory, and a call like this one can be replayed.
    """
    return given.keys() == set(names) and all(
        type(value) is np.ndarray
        and value.flags.c_contiguous
        and value.dtype == values_of(found[name]).dtype
        for name, value in given.items()
    )


def missing_sequence(length: str, types: Types) -> str:
    """Which input would tell the lengths of a time."""
    time = length.removeprefix(LENGTH)
    return next((f"{n} : {t}" for n, t in types.items() if t.time == time), f"a seq({time})")


def require_equal_counts(found: Mapping[str, Batch]) -> None:
    """Raises `SessionError` unless all inputs have the same number of examples, at least one."""
    counts = {len(batch) for batch in found.values()}
    if len(counts) > 1 or 0 in counts:
        listed = ", ".join(f"{name} has {len(batch)}" for name, batch in found.items())
        raise SessionError(f"inputs need the same number of examples, at least one: {listed}")


def refuse_unknown(entry: Entry, inputs: Iterable[str], others: set[str]) -> None:
    """Raises `SessionError` for a name that is neither an input of the entry nor in `others`."""
    known = dict.fromkeys(read_by(entry))
    for name in inputs:
        if name not in known and name not in others and not name.startswith(LENGTH):
            raise SessionError(f"no input is called {name}{suggestion(name, known)}")


def as_given(batch: Batch, type: TensorType, dtype: str) -> Any:
    """An output as users know it, `[N, ...]`: sequences as a list of arrays `[T, ...]`, or
    `[N, T, ...]` if T is fixed; labels as whole numbers, which native code gives as reals.
    """
    values = values_of(batch)
    if type.kind is Kind.INDEX:
        values = values.astype(index_dtype(dtype), copy=False)
    if not isinstance(batch, Ragged):
        return values
    if isinstance(type.time, int):
        return np.ascontiguousarray(values).reshape(len(batch.lengths), type.time, *type.shape)
    return list(Ragged(values, batch.lengths))
