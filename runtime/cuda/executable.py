"""An entry ready to run on a GPU: its kernels, and an arena for each batch size it has met.

    executable = Executable(entry, persistent, np.dtype(np.float32))
    results, outputs = executable.run({"image": images, "label": labels})

What persists lives with the session, on the host, where anyone may write to it; so a call copies it
to the GPU, runs all its steps there, and copies it back if the entry updates it.  Nothing is copied
back if the GPU fails: the session stays as it was before the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.graph.types import Kind
from compiler.program import Entry, Space
from runtime.cpu.exchange import Arrays, Exchange
from runtime.cuda import shim
from runtime.cuda.arena import ALIGN, Arena, arrange, calls
from runtime.cuda.kernels import CLEAR, compiled

MOST_PLANS = 3  # batch sizes whose arenas are kept


class Plan:
    """What one batch size needs on the device."""

    def __init__(self, entry: Entry, arena: Arena, dtype: np.dtype[Any]) -> None:
        word = dtype.itemsize
        self.arena = arena
        self.words = shim.empty(arena.words, dtype)
        self.numbers = self.words.view(np.dtype(f"i{word}"))
        made, table = calls(entry, arena)
        self.table = shim.upload(table)
        self.launches = [(compiled(call.source, word), call.at, call.total) for call in made]
        self.launch(compiled(CLEAR, word), 0, arena.words)  # table[0] is 0: the first word
        start = arena.bases[Space.UNIFORM]
        for constant in entry.constants:
            values = np.asarray(constant.value).reshape(-1)
            kind = dtype if values.dtype.kind == "f" else np.dtype(f"i{word}")
            self.write(start + constant.offset, values.astype(kind).view(dtype))

    def launch(self, kernel: Any, at: int, total: int) -> None:
        """Launch one kernel."""
        kernel(self.words, self.numbers, self.table, at, self.arena.examples, total)

    def step(self) -> None:
        """Launch everything once."""
        for kernel, at, total in self.launches:
            if total:
                self.launch(kernel, at, total)

    def write(self, first: int, values: Any) -> None:
        """Copy words into the arena from the host or from the device."""
        if values.size:
            self.words[first : first + values.size].copy_to_device(values)

    def words_at(self, first: int, count: int) -> Any:
        """A stretch of the arena."""
        return self.words[first : first + count]


class Executable:
    """Runs one entry on the GPU.  `persistent` is shared with the session and other entries."""

    def __init__(
        self,
        entry: Entry,
        persistent: NDArray[Any],
        dtype: np.dtype[Any] | type,
        threads: int = 1,
        crew: object = None,
    ) -> None:
        shim.require_device()
        self.entry, self.persistent = entry, persistent
        self.dtype = np.dtype(dtype)
        self.exchange = Exchange(entry, self.dtype)
        self.updates = any(name.startswith("update/") for name in entry.graph.outputs)
        self._plans: dict[int, Plan] = {}

    def plan(self, examples: int) -> Plan:
        """The arena for a batch size, made when it is first seen; old ones make room."""
        plan = self._plans.pop(examples, None)
        if plan is None:
            while len(self._plans) >= MOST_PLANS:
                self._plans.pop(next(iter(self._plans)))
            plan = Plan(self.entry, self.fitting(examples), self.dtype)
        self._plans[examples] = plan
        return plan

    def fitting(self, examples: int) -> Arena:
        """The layout for a batch size, if the device has that much memory left."""
        size, words = self.dtype.itemsize, len(self.persistent)
        arena, none = (arrange(self.entry, words, n) for n in (examples, 0))
        free = shim.free_bytes()
        if arena.words * size > free:
            each = max(1, -(-(arena.words - none.words) // examples))
            room = free // size - none.words - ALIGN * len(arena.bases)
            fits = max(0, room // each)
            raise shim.CudaFault(
                f"{self.entry.name} needs {arena.words * size / 1e9:.1f} GB on the GPU for"
                f" {examples} examples; {free / 1e9:.1f} GB are free, enough for {fits}"
            )
        return arena

    def run(
        self, inputs: Mapping[str, Any], steps: int = 1, *, batch: int | None = None
    ) -> tuple[Arrays, Arrays]:
        """Run `steps` batches; inputs hold them one after another along their first axis.

        Gives (results with a leading axis of steps, outputs with a leading axis of all examples).
        `batch` is needed only by an entry without inputs.
        """
        given = self.exchange.inputs(inputs)
        examples = self.exchange.examples(given, steps, batch)
        with shim.faults(self.entry.name):
            return self._run(self.plan(examples), given, steps)

    def _run(self, plan: Plan, given: Arrays, steps: int) -> tuple[Arrays, Arrays]:
        """Go through the steps, and copy what is wanted back to the host."""
        plan.write(0, self.persistent)
        sources, sinks = self._sources(plan, given), self._sinks(plan, steps)
        for k in range(steps):
            for first, source, size in sources:
                plan.write(first, source[k * size : (k + 1) * size])
            plan.step()
            for first, sink, size, _ in sinks:
                if size:
                    sink[k * size : (k + 1) * size].copy_to_device(plan.words_at(first, size))
        found = [self._host(sink, steps, size, kind) for _, sink, size, kind in sinks]
        if self.updates:
            self.persistent[:] = plan.words_at(0, len(self.persistent)).copy_to_host()
        made = self.exchange.made
        outputs = {
            array.name: words.reshape(steps * plan.arena.examples, *array.type.shape)
            for array, words in zip(made, found, strict=False)
        }
        return self.exchange.results(found[len(made) :]), outputs

    def _sources(self, plan: Plan, given: Arrays) -> list[tuple[int, Any, int]]:
        """For each input its first word, all its numbers on the device, and words for a step."""
        return [
            (
                plan.arena.bases[Space.ARRAY + k],
                shim.upload(given[array.name].reshape(-1).view(self.dtype)),
                array.type.size * plan.arena.examples,
            )
            for k, array in enumerate(self.entry.arrays)
            if array.role == "input"
        ]

    def _sinks(self, plan: Plan, steps: int) -> list[tuple[int, Any, int, Kind]]:
        """For each output and result: first word, room for all steps, words for one, kind."""
        bases = plan.arena.bases
        listed = [
            (bases[Space.ARRAY + k], array.type.size * plan.arena.examples, array.type.kind)
            for k, array in enumerate(self.entry.arrays)
            if array.role == "output"
        ]
        for result, size in self.exchange.kept:
            listed.append((bases[Space.UNIFORM] + result.offset, size, result.type.kind))
        return [
            (first, shim.empty(steps * size, self.dtype), size, kind)
            for first, size, kind in listed
        ]

    def _host(self, words: Any, steps: int, size: int, kind: Kind) -> NDArray[Any]:
        """Words of the device, [steps, size], as numbers of a kind."""
        host: NDArray[Any] = words.copy_to_host()[: steps * size]
        return host.view(self.exchange.dtypes[kind]).reshape(steps, size)
