"""Inputs of an entry: what it reads, and how outputs are given back.

A sequence also tells the lengths of its time.  An entry may need those lengths (`length(ys)`) where
it reads none of the sequences themselves, so they are inputs of their own: `length/NAME`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.ragged import Batch, Ragged, length_key
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.entry import Entry
from gradc_runtime.data.arrays.checked import Batches, check_inputs
from gradc_runtime.data.arrays.validate import index_dtype, values_of
from gradc_runtime.session.state import suggestion
from gradc_runtime.system.errors import DataError, SessionError

Types = Mapping[str, TensorType]


def read_by(entry: Entry) -> list[str]:
    """Names of the arrays and sequences that an entry reads."""
    return list(entry.inputs)


def lengths_read_by(entry: Entry) -> dict[str, str]:
    """The times whose lengths an entry reads, by the name of the input that holds the lengths."""
    return {length_key(time): time for time in entry.times if isinstance(time, str)}


def chosen(entry: Entry, batches: Batches) -> Batches:
    """Those of the given inputs that an entry reads."""
    return Batches({name: batches[name] for name in [*read_by(entry), *lengths_read_by(entry)]})


def checked(entry: Entry, declared: Types, given: Mapping[str, Any], dtype: str) -> Batches:
    """The inputs, each as `[N, ...]` or N sequences of its declared type, and the lengths [N].

    Raises `SessionError` where something that the entry reads is missing or does not fit.
    """
    types = {**declared, **entry.inputs}
    if missing := [name for name in entry.inputs if name not in given]:
        raise SessionError(f"{missing[0]} : {types[missing[0]]} is missing")
    known = {name: value for name, value in given.items() if name in types}
    try:
        found = check_inputs(known, types, dtype)
    except DataError as fault:
        raise SessionError(str(fault)) from None
    for length, time in lengths_read_by(entry).items():
        if length not in found:
            raise SessionError(f"{sequence_of(time, types)} is missing")
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


def sequence_of(time: str, types: Types) -> str:
    """For a message: the input, as declared, that would tell the lengths of a time."""
    return next((f"{n} : {t}" for n, t in types.items() if t.time == time), f"a seq({time})")


def refuse_unknown(entry: Entry, inputs: Iterable[str], others: Types) -> None:
    """Raises `SessionError` for a name that is neither an input of the entry nor in `others`.

    A data set's batch holds the lengths of its sequences too; a caller may pass them on.
    """
    known = dict.fromkeys(read_by(entry))
    times = {type.time for type in (*entry.inputs.values(), *others.values())}
    lengths = {length_key(time) for time in times if isinstance(time, str)}
    for name in inputs:
        if name not in known and name not in others and name not in lengths:
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


def only(found: Mapping[Any, Any]) -> Any:
    """The output itself if there is just one, else all outputs by name."""
    return next(iter(found.values())) if len(found) == 1 else found
