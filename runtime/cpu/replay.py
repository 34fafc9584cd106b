"""Replay of a captured call: one step of an entry again, on inputs of the same shapes.

A call of a small network takes a few microseconds, and looking up plans, buffers and types would
take longer than the computation.  So the first call is *captured*: where each input's address goes,
and of which shape and type the input must be.  A replay compares shapes, writes down addresses and
enters native code.  Where an input is not exactly as expected the replay declines, and the caller
goes the checked way (`Session` -> `IOBinding`), which converts the input or says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import Kind
from gradc_compiler.program.arrays import Array, ArrayName
from gradc_compiler.program.entry import Space
from gradc_runtime.binding.io_binding import Arrays, IOBinding, address
from gradc_runtime.cpu.call_plan import BoundCall, CallPlan

Slot = tuple[ArrayName, tuple[int, ...], np.dtype[Any], int]  # name, shape, type, slot
LARGEST = 2**31 - 1  # whole number that an input without classes may hold
Sequences = tuple[ArrayName, tuple[int, ...], NDArray[np.int64], NDArray[Any]]  # order, packed rows


class CapturedCall:
    """Calls of an entry that gives plain outputs, on arrays of the shapes of a `BoundCall`.

    `results` has the words of each result after a call, until the next one.
    """

    def __init__(
        self, exchange: IOBinding, bound: BoundCall, advance: Callable[[CallPlan, int], None]
    ) -> None:
        self._bound, self._plan, self._advance = bound, bound.plan, advance
        self._inputs: list[Slot] = []
        self._outputs: list[Slot] = []
        self._sequences: list[Sequences] = []
        self._labels: list[tuple[ArrayName, int]] = []  # inputs of whole numbers: name, and classes
        self._fixed: list[tuple[int, int]] = []  # slots whose address is the same in every call
        first = int(Space.ARRAY)
        for slot, array in enumerate(exchange.arrays, first):
            self._add(array, bound.arrays[slot - first], slot)
        after = (*bound.kept, bound.clock.words)
        for slot, words in enumerate(after, first + len(bound.arrays)):
            self._fixed.append((slot, address(words)))
        names = [result.name for result, _ in exchange.kept]
        self.results: Arrays = dict(zip(names, bound.kept, strict=True))  # [1, words], of the last
        self._count = len(self._inputs) + len(self._sequences)

    def _add(self, array: Array, words: NDArray[Any], slot: int) -> None:
        """Note what a replay does about one array of the captured call."""
        rows = self._bound.clock.of(array)
        if array.role == "input" and rows is None:
            self._inputs.append((array.name, words.shape, words.dtype, slot))
        elif array.role == "output":
            self._outputs.append((array.name, words.shape, words.dtype, slot))
        else:
            self._fixed.append((slot, address(words)))
        if array.role == "input" and array.type.kind is Kind.INDEX:
            self._labels.append((array.name, array.type.classes or LARGEST + 1))
        if array.role == "input" and rows is not None:
            shape = (len(rows.lengths), int(rows.lengths[0]), *array.type.shape)
            self._sequences.append((array.name, shape, rows.order, words))

    def fits(self, bound: BoundCall) -> bool:
        """Whether a bound call has the same plan and sequence lengths as the captured one."""
        return bound.plan is self._plan and bound.clock is self._bound.clock

    def __call__(self, given: Mapping[Any, Any]) -> Arrays | None:
        """The outputs by name, each [N, ...]; None where an input is not exactly as captured."""
        if len(given) != self._count or self._plan.stale:
            return None
        words, outputs = self._plan.words, Arrays()
        for name, shape, dtype, slot in self._inputs:
            value = given.get(name)
            if type(value) is not np.ndarray or value.shape != shape or value.dtype != dtype:
                return None
            if not value.flags.c_contiguous:
                return None
            words[slot] = address(value)
        for name, shape, order, rows in self._sequences:
            value = given.get(name)
            if type(value) is not np.ndarray or value.shape != shape or value.dtype != rows.dtype:
                return None
            value.reshape(rows.shape).take(order, axis=0, out=rows, mode="clip")
        for name, classes in self._labels:  # a negative number is a large one without its sign
            value = given[name]
            if value.view(f"u{value.itemsize}").max() >= classes:
                return None
        for slot, place in self._fixed:
            words[slot] = place
        for name, shape, dtype, slot in self._outputs:
            made = outputs[name] = np.empty(shape, dtype)
            words[slot] = address(made)
        self._advance(self._plan, 1)
        return outputs
