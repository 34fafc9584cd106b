"""What goes into a run and comes out of it, as arrays: the same for every native target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from compiler.graph.types import Kind, TensorType
from compiler.program import Entry, Result

Arrays = dict[str, NDArray[Any]]


def arrays_of(entry: Entry, inputs: Mapping[str, Any], dtype: np.dtype[Any]) -> Arrays:
    """An entry's inputs as contiguous arrays of words; complains of what does not fit."""
    wanted = {array.name: array.type for array in entry.arrays if array.role == "input"}
    if missing := wanted.keys() - inputs.keys():
        raise ValueError(f"{entry.name} also needs {', '.join(sorted(missing))}")
    return {name: _array(entry, name, inputs[name], type, dtype) for name, type in wanted.items()}


def _array(
    entry: Entry, name: str, value: Any, type: TensorType, dtype: np.dtype[Any]
) -> NDArray[Any]:
    kind = dtype if type.kind is Kind.REAL else np.dtype(f"i{dtype.itemsize}")
    array = np.ascontiguousarray(value, kind)
    if array.shape[1:] != type.shape or array.ndim == 0:
        raise ValueError(
            f"{name} has shape {list(np.shape(value))}; {entry.name} wants a batch axis"
            f" and then {list(type.shape)}"
        )
    return array


def batch_size(given: Arrays, steps: int, batch: int | None) -> int:
    """Examples in one of `steps` equal batches, the same for all inputs."""
    counts = {len(array) for array in given.values()}
    if batch is not None:
        counts.add(steps * batch)
    if len(counts) > 1:
        sizes = ", ".join(f"{name} {len(array)}" for name, array in given.items())
        raise ValueError(f"inputs differ in their number of examples: {sizes}")
    count = counts.pop() if counts else steps
    if steps < 1 or count < steps or count % steps:
        raise ValueError(f"{count} examples do not make {steps} equal batches")
    return count // steps


def words_of(result: Result) -> int:
    """How many words a result spans, gaps included."""
    if result.strides is None:
        return result.type.size
    if result.type.size == 0:
        return 0
    moves = zip(result.type.shape, result.strides, strict=True)
    return 1 + sum((size - 1) * stride for size, stride in moves)


def tensor_of(result: Result, words: NDArray[Any]) -> NDArray[Any]:
    """A result over the steps, [steps, ...], from its words in each of them."""
    shape = (len(words), *result.type.shape)
    if result.strides is None:
        return words.reshape(shape)
    strides = [stride * words.itemsize for stride in (words.shape[1], *result.strides)]
    return as_strided(words, shape, strides).copy()
