"""Binding of inputs and outputs: NumPy arrays on the caller's side, words on the entry's.

An input becomes a contiguous array of words `[N, ...]`, where N counts the examples of all steps of
a call; an output has the same leading axis.  A *result* (a loss, a gradient) is the same for all
examples of a step: it has a leading axis of steps instead.
"""

from __future__ import annotations

import ctypes
from collections.abc import Container
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from gradc_compiler.graph.ragged import length_key
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.arrays import Array, ArrayName, Result
from gradc_compiler.program.entry import Entry
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.validate import values_of
from gradc_runtime.system.files import require_memory

Arrays = dict[ArrayName, NDArray[Any]]  # of an entry


def place_of_address() -> int:
    """The offset, in bytes, at which an array object holds the address of its numbers."""
    array = np.empty(1)
    words = (ctypes.c_size_t * 8).from_address(id(array))
    return ctypes.sizeof(ctypes.c_size_t) * list(words).index(array.ctypes.data)


AT = place_of_address()
WORD = ctypes.c_size_t.from_address


def address(array: NDArray[Any]) -> int:
    """The address of an array's first number, read from the array object itself.

    `array.ctypes.data` gives the same in five times the time, on every call of every input.
    """
    place: int = WORD(id(array) + AT).value
    return place


class IOBinding:
    """The arrays of one entry, for a session whose reals are of `dtype`."""

    def __init__(self, entry: Entry, dtype: np.dtype[Any]) -> None:
        self.name = entry.name
        self.dtypes = {Kind.REAL: dtype, Kind.INDEX: np.dtype(f"i{dtype.itemsize}")}
        self.word = dtype.itemsize
        self.arrays = entry.arrays
        self.input_types = entry.inputs
        self.times = entry.times
        self.outputs = [array for array in entry.arrays if array.role == "output"]
        self.carried = [array for array in entry.arrays if array.role == "carried"]
        self.kept = [(result, result.words) for result in entry.results]  # words: computed once

    def empty(self, array: Array, count: int) -> NDArray[Any]:
        """Unset memory [count, ...] for an array; or a `SessionError` if too little is free."""
        require_memory(count * array.type.size * self.word, f"{array.name} of {count:,} examples")
        return np.empty((count, *array.type.shape), self.dtypes[array.type.kind])

    def zeros(self, array: Array, count: int) -> NDArray[Any]:
        """Zeros [count, ...] for a carried array: what no kernel writes, such as a halo, is 0."""
        return np.zeros((count, *array.type.shape), self.dtypes[array.type.kind])

    def carried_arrays(self, examples: int, taking_turns: bool) -> Arrays:
        """Zeroed memory for the carried arrays of examples, by name.

        Those of one slot may lie in the same words, taking turns, where phases run one by one.
        """
        plain = [array for array in self.carried if array.type.time is None]
        if not taking_turns:
            return {array.name: self.zeros(array, examples) for array in plain}
        room: dict[int | None, int] = {}
        for array in plain:
            end = examples * (array.within + array.type.size)
            room[array.slot] = max(room.get(array.slot, 0), end)
        slots = {slot: np.zeros(words * self.word, np.uint8) for slot, words in room.items()}
        return {array.name: self._turn(array, slots[array.slot], examples) for array in plain}

    def _turn(self, array: Array, slot: NDArray[Any], examples: int) -> NDArray[Any]:
        """The words of a slot that are a carried array [examples, ...]."""
        start = examples * array.within * self.word
        words = slot[start : start + examples * array.type.size * self.word]
        return words.view(self.dtypes[array.type.kind]).reshape(examples, *array.type.shape)

    def inputs(self, given: Batches, besides: Container[str] = ()) -> Arrays:
        """The words of each input: [N, ...], of a sequence [elements, ...], as they lie; but for
        those that come by another way.
        """
        types = {name: type for name, type in self.input_types.items() if name not in besides}
        found: Arrays = {name: values_of(given[name]) for name in types}
        for name, type in types.items():
            assert self.is_checked(found[name], type), f"{name} has been checked before it is bound"
        return found

    def is_checked(self, array: NDArray[Any], type: TensorType) -> bool:
        """Whether memory is laid out as kernels read it: any other would be read beyond its end."""
        fits = array.dtype == self.dtypes[type.kind] and array.shape[1:] == type.shape
        return fits and array.flags.c_contiguous

    def lengths(self, given: Batches, examples: int) -> list[NDArray[np.int64]]:
        """For each time, the lengths [examples] of the sequences of a call."""
        named = {t: values_of(given[length_key(t)]) for t in self.times if isinstance(t, str)}
        return [np.full(examples, t) if isinstance(t, int) else named[t] for t in self.times]

    def examples(self, given: Batches, steps: int, batch: int | None) -> int:
        """The examples of one step, from inputs [steps * examples, ...]."""
        counts = {len(rows) for rows in given.values()} or {steps * (batch or 1)}
        assert len(counts) == 1, "inputs have equally many examples"
        (count,) = counts
        assert steps >= 1 and count % steps == 0, f"{count} examples make {steps} equal batches"
        return count // steps

    def results(self, kept: list[NDArray[Any]]) -> Arrays:
        """Results [steps, ...], from the words [steps, words] that native code copied at the end
        of each step.
        """
        return {
            result.name: self._tensor(result, words)
            for (result, _), words in zip(self.kept, kept, strict=True)
        }

    def _tensor(self, result: Result, words: NDArray[Any]) -> NDArray[Any]:
        shape = (len(words), *result.type.shape)
        if result.strides is None:
            return words.reshape(shape)
        strides = [stride * self.word for stride in (words.shape[1], *result.strides)]
        return as_strided(words, shape, strides).copy()
