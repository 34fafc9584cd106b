"""One step of an entry once more, on inputs of the shapes that it had before: the shortest way.

A call of a small network is over in a few microseconds, of which every look-up takes its share.
So what a call needs is looked up once; then a call compares shapes, writes down addresses and
enters native code.  Anything unusual is left to the long way, which also explains what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import Kind
from gradc_compiler.program.entry import Array, Space
from gradc_runtime.binding.io_binding import Arrays, IOBinding, address
from gradc_runtime.cpu.call_plan import BoundCall, CallPlan

Slot = tuple[str, tuple[int, ...], np.dtype[Any], int]  # name, shape, type, place of its address
LARGEST = 2**31 - 1  # of the numbers that count
Sequences = tuple[str, tuple[int, ...], NDArray[np.int64], NDArray[Any]]  # order, packed rows


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
        self._labels: list[tuple[str, int]] = []  # and how many classes there are
        self._fixed: list[tuple[int, int]] = []  # slots, and the addresses that stay
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
        """Take note of an array."""
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
        """Whether calls like that one may go this way."""
        return bound.plan is self._plan and bound.clock is self._bound.clock

    def __call__(self, given: Mapping[str, Any]) -> Arrays | None:
        """The outputs [N, ...]; None where an input is not exactly what native code reads."""
        if len(given) != self._count or self._plan.stale:
            return None
        words, outputs = self._plan.words, {}
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
