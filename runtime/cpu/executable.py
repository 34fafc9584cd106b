"""An entry ready to run: its code, its memory, and a table for each batch size it has met.

    executable = Executable(entry, persistent, np.dtype(np.float32), threads=2)
    results, outputs = executable.run({"image": images, "label": labels})

One call runs `steps` batches inside native code, which comes back to Python about twice a second
so that Ctrl-C is heard.  Results do not depend on the number of threads.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from compiler.graph.types import Kind, TensorType
from compiler.program import Array, Entry, Kernel, Result, Space
from runtime.cpu import layout
from runtime.cpu.compile import addresses
from runtime.cpu.crew import Crew
from runtime.cpu.memory import aligned
from runtime.cpu.table import build_table, partial_bytes, result_words

WALKER = Kernel("walk")
NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)
LONGEST_CALL = 0.4  # seconds in native code before Python may look for signals
WORTH_SHARING = 20e-6  # seconds of work in a step below which one thread does it alone
WORTH_WAKING = 100e-6  # the same for a whole call: waking a helper takes some tens of microseconds

Arrays = dict[str, NDArray[Any]]


@dataclass(slots=True)
class Plan:
    """What one batch size needs: its table, its carried values, and how long a step takes."""

    examples: int
    table: NDArray[np.int64]
    carried: dict[str, NDArray[Any]]
    bases: NDArray[np.int64]  # a row for each thread, as a call begins
    seconds: float = 0.0  # of one thread's work in a step, as last measured; 0: not yet
    live: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.live = self.bases.copy()


class Executable:
    """Runs one entry on the CPU.  `persistent` is shared with the session and other entries."""

    def __init__(
        self,
        entry: Entry,
        persistent: NDArray[Any],
        dtype: np.dtype[Any] | type,
        threads: int = 1,
        crew: Crew | None = None,
    ) -> None:
        self.entry = entry
        self.persistent = persistent
        self.dtype = np.dtype(dtype)
        self.threads = max(1, threads)
        self.crew = crew or Crew(self.threads)
        self.word = self.dtype.itemsize
        *self._kernels, walker = addresses((*entry.kernels, WALKER), self.word)
        self._walk = NATIVE(walker)
        self._plans: dict[int, Plan] = {}
        self._control = aligned(layout.CONTROL, np.dtype(np.int64))
        self._allocate()

    def _allocate(self) -> None:
        """The spaces that no batch size changes."""
        entry = self.entry
        self.uniform = aligned(entry.uniform_words, self.dtype)
        for constant in entry.constants:
            value = np.asarray(constant.value)
            kind = self.dtype if value.dtype.kind == "f" else self._type(Kind.INDEX)
            words = self.uniform[constant.offset : constant.offset + value.size]
            words.view(kind)[:] = value.reshape(-1)
        self._block_bytes = -(-entry.block * entry.block_words * self.word // 64) * 64
        self._blocks = aligned(self._block_bytes * self.threads, np.dtype(np.uint8))
        partials = partial_bytes(entry, self.word) * entry.chunks
        self._partials = aligned(partials, np.dtype(np.uint8))

    def _type(self, kind: Kind) -> np.dtype[Any]:
        """The NumPy type of a kind of number: all are one word."""
        return self.dtype if kind is Kind.REAL else np.dtype(f"i{self.word}")

    def _array(self, array: Array | Result, count: int) -> NDArray[Any]:
        return np.empty((count, *array.type.shape), self._type(array.type.kind))

    def plan(self, examples: int) -> Plan:
        """The table and buffers for a batch size, made when it is first seen."""
        if examples not in self._plans:
            table = build_table(self.entry, self._kernels, examples, self.word)
            carried = {
                array.name: np.zeros_like(self._array(array, examples))  # borders stay zero
                for array in self.entry.arrays
                if array.role == "carried"
            }
            spaces = Space.ARRAY + len(self.entry.arrays) + len(self.entry.results)
            bases = np.zeros((self.threads, max(16, -(-spaces // 8) * 8)), np.int64)
            bases[:, Space.PERSISTENT] = self.persistent.ctypes.data
            bases[:, Space.UNIFORM] = self.uniform.ctypes.data
            bases[:, Space.PARTIAL] = self._partials.ctypes.data
            first = self._blocks.ctypes.data
            bases[:, Space.BLOCK] = first + self._block_bytes * np.arange(self.threads)
            for k, array in enumerate(self.entry.arrays):
                if array.role == "carried":
                    bases[:, Space.ARRAY + k] = carried[array.name].ctypes.data
            self._plans[examples] = Plan(examples, table, carried, bases)
        return self._plans[examples]

    def run(
        self, inputs: Mapping[str, Any], steps: int = 1, *, batch: int | None = None
    ) -> tuple[Arrays, Arrays]:
        """Run `steps` batches; inputs hold them one after another along their first axis.

        Gives (results with a leading axis of steps, outputs with a leading axis of all examples).
        `batch` is needed only by an entry without inputs.
        """
        given = self._inputs(inputs)
        plan = self.plan(self._examples(given, steps, batch))
        arrays = dict(given)
        for array in self.entry.arrays:
            if array.role == "output":
                arrays[array.name] = self._array(array, steps * plan.examples)
        kept = [
            np.empty((steps, result_words(result)), self._type(result.type.kind))
            for result in self.entry.results
        ]
        np.copyto(plan.live, plan.bases)
        for k, array in enumerate(self.entry.arrays):
            if array.role != "carried":
                plan.live[:, Space.ARRAY + k] = arrays[array.name].ctypes.data
        for k, buffer in enumerate(kept, Space.ARRAY + len(self.entry.arrays)):
            plan.live[:, k] = buffer.ctypes.data
        self._advance(plan, steps)
        outputs = {a.name: arrays[a.name] for a in self.entry.arrays if a.role == "output"}
        return self._results(kept), outputs

    def _inputs(self, inputs: Mapping[str, Any]) -> Arrays:
        """The inputs as contiguous arrays of words; complains of what does not fit."""
        wanted = {array.name: array.type for array in self.entry.arrays if array.role == "input"}
        if missing := wanted.keys() - inputs.keys():
            raise ValueError(f"{self.entry.name} also needs {', '.join(sorted(missing))}")
        return {name: self._input(name, kind, inputs[name]) for name, kind in wanted.items()}

    def _input(self, name: str, kind: TensorType, value: Any) -> NDArray[Any]:
        array = np.ascontiguousarray(value, self._type(kind.kind))
        if array.shape[1:] != kind.shape or array.ndim == 0:
            raise ValueError(
                f"{name} has shape {list(np.shape(value))}; {self.entry.name} wants a batch axis"
                f" and then {list(kind.shape)}"
            )
        return array

    def _examples(self, given: Arrays, steps: int, batch: int | None) -> int:
        """The batch size, the same for all inputs."""
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

    def _results(self, kept: list[NDArray[Any]]) -> Arrays:
        """Results as tensors, from the words that the walker copied."""
        found: Arrays = {}
        for result, words in zip(self.entry.results, kept, strict=True):
            shape = (len(words), *result.type.shape)
            if result.strides is None:
                found[result.name] = words.reshape(shape)
            else:
                strides = (words.shape[1], *result.strides)
                view = as_strided(words, shape, [stride * self.word for stride in strides])
                found[result.name] = view.copy()
        return found

    def _advance(self, plan: Plan, steps: int) -> None:
        """Go through the steps in native calls of bounded length."""
        while steps > 0:
            limit = int(LONGEST_CALL / plan.seconds) if plan.seconds else 1
            count = max(1, min(steps, limit))
            shared = plan.seconds > WORTH_SHARING and plan.seconds * count > WORTH_WAKING
            threads = self.threads if shared else 1
            start = perf_counter()
            self._call(plan, count, threads)
            plan.seconds = max(1e-8, (perf_counter() - start) * threads / count)
            plan.live[threads:, Space.ARRAY :] = plan.live[0, Space.ARRAY :]  # who was not called
            steps -= count

    def _call(self, plan: Plan, steps: int, threads: int) -> None:
        """Enter native code, on all threads at once."""
        control, table = self._control.ctypes.data, plan.table.ctypes.data
        bases = plan.live
        self._control[:4] = threads, steps, bases.ctypes.data, bases.strides[0]
        self._control[layout.CHUNK_COUNTER] = 0
        if threads == 1:
            self._walk(control, table, 0, 0, 0)
        else:
            self.crew.run(lambda number: self._walk(control, table, number, 0, 0), threads)
