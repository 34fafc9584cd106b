"""An entry ready to run on a GPU: its kernels, and an arena for each batch size it has met.

    executable = Executable(entry, persistent, np.dtype(np.float32))
    results, outputs = executable.run({"image": images, "label": labels})

What persists lives with the session, on the host, where anyone may write to it; so a call copies it
to the GPU, runs all its steps there, and copies it back if the entry updates it.  Nothing is copied
back if the GPU fails: the session stays as it was before the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.types import Kind
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.machine.targets import CUDA
from gradc_compiler.program.arrays import Array, ClockName
from gradc_compiler.program.entry import Entry, Space
from gradc_runtime.binding.io_binding import Arrays, IOBinding
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.arena import ALIGN, Arena, arrange
from gradc_runtime.cuda.batches import CudaBatches
from gradc_runtime.cuda.cuda_plan import BufferRange, CudaPlan
from gradc_runtime.data.arrays.checked import Batches

MOST_PLANS = MACHINE.gpu_plans  # batch sizes whose arenas are kept
SPARE = MACHINE.gpu_room  # room for sequences: a multiple of this part of a power of two


class CudaExecutable:
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
        assert entry.target == CUDA, f"{entry.name} was lowered for {entry.target}"
        self.entry, self.persistent = entry, persistent
        self.dtype = np.dtype(dtype)
        self.exchange = IOBinding(entry, self.dtype)
        self.updates = bool(of_role(Role.UPDATE, entry.graph.outputs))
        self._plans: dict[int, CudaPlan] = {}

    def plan(self, examples: int, room: Sequence[int] = ()) -> CudaPlan:
        """The arena for a batch size with room for so many rows of each time, made when one is
        first wanted; old ones make room.
        """
        plan = self._plans.pop(examples, None)
        if plan is not None and any(a > b for a, b in zip(room, plan.arena.room, strict=True)):
            room, plan = [max(ab) for ab in zip(room, plan.arena.room, strict=True)], None
        if plan is None:
            while len(self._plans) >= MOST_PLANS:
                self._plans.pop(next(iter(self._plans)))
            plan = CudaPlan(self.entry, self.fitting(examples, [*map(roomy, room)]), self.dtype)
        self._plans[examples] = plan
        return plan

    def fitting(self, examples: int, room: Sequence[int] = ()) -> Arena:
        """The layout for a batch size, if the device has that much memory left.

        Raises `CudaFault` where it has not.
        """
        size, words = self.dtype.itemsize, len(self.persistent)
        arena = arrange(self.entry, words, examples, room)
        none = arrange(self.entry, words, 0, [0] * len(room))
        free = shim.free_bytes()
        if arena.words * size > free:
            each = max(1, -(-(arena.words - none.words) // examples))
            left = free // size - none.words - ALIGN * len(arena.bases)
            fits = max(0, left // each)
            raise shim.CudaFault(
                f"{self.entry.name} needs {arena.words * size / 1e9:.1f} GB on the GPU for"
                f" {examples} examples; {free / 1e9:.1f} GB are free, enough for {fits}"
            )
        return arena

    def run(
        self, inputs: Batches, steps: int = 1, *, batch: int | None = None
    ) -> tuple[Arrays, Arrays]:
        """Run `steps` batches, with what the executable of a CPU takes and gives."""
        given = self.exchange.inputs(inputs)
        examples = self.exchange.examples(inputs, steps, batch)
        lengths = self.exchange.lengths(inputs, steps * examples)
        batches = CudaBatches(self.entry.times, lengths, steps, examples)
        with shim.faults(self.entry.name):
            return self._run(self.plan(examples, batches.room()), given, batches)

    def repeat(self, inputs: Batches) -> None:
        """There is no shorter way: a call copies what persists."""

    def _run(self, plan: CudaPlan, given: Arrays, batches: CudaBatches) -> tuple[Arrays, Arrays]:
        """Go through the batches, and copy what is wanted back to the host."""
        plan.write(0, self.persistent)
        sources = self._sources(plan, given, batches)
        made, kept = self._outputs(plan, batches), self._results(plan, batches.steps)
        for k in range(batches.steps):
            for source in sources:
                plan.load(source, k)
            plan.step(batches, k)
            for sink in (*made, *kept):
                plan.keep(sink, k)
        outputs = {
            array.name: self._output(array, sink, batches)
            for array, sink in zip(self.exchange.outputs, made, strict=True)
        }
        results = [
            self._numbers(sink, result.type.kind).reshape(batches.steps, size)
            for (result, size), sink in zip(self.exchange.kept, kept, strict=True)
        ]
        if self.updates:
            self.persistent[:] = plan.words_at(0, len(self.persistent)).copy_to_host()
        return self.exchange.results(results), outputs

    def _output(self, array: Array, sink: BufferRange, batches: CudaBatches) -> Any:
        """An output on the host, [N, ...]: of sequences a `Ragged`."""
        shape = (batches.total(array.type.time), *array.type.shape)
        return batches.unpacked(array, self._numbers(sink, array.type.kind).reshape(shape))

    def _sources(self, plan: CudaPlan, given: Arrays, batches: CudaBatches) -> list[BufferRange]:
        """What the host knows: inputs, and the clocks of sequences."""
        whole = self.exchange.dtypes[Kind.INDEX]
        found = []
        for first, array in self._arrays(plan):
            match array.role:
                case "input":
                    values = batches.packed(array, given[array.name])
                case "clock":
                    assert isinstance(array.name, ClockName), "a clock says what it tells"
                    values = batches.array(array.name).astype(whole)
                case _:
                    continue
            words = shim.upload(values.reshape(-1).view(self.dtype))
            found.append(BufferRange(first, words, batches.parts(array.type.time, array.type.size)))
        return found

    def _outputs(self, plan: CudaPlan, batches: CudaBatches) -> list[BufferRange]:
        """Room for the outputs of all batches."""
        return [
            self._sink(first, batches.parts(array.type.time, array.type.size))
            for first, array in self._arrays(plan)
            if array.role == "output"
        ]

    def _results(self, plan: CudaPlan, steps: int) -> list[BufferRange]:
        """Room for the results of all batches."""
        start = plan.arena.bases[Space.UNIFORM]
        return [
            self._sink(start + result.offset, [(k * size, (k + 1) * size) for k in range(steps)])
            for result, size in self.exchange.kept
        ]

    def _arrays(self, plan: CudaPlan) -> list[tuple[int, Array]]:
        """Each array and its first word."""
        return [*zip(plan.arena.bases[Space.ARRAY :], self.entry.arrays, strict=True)]

    def _sink(self, first: int, parts: list[tuple[int, int]]) -> BufferRange:
        return BufferRange(first, shim.empty(parts[-1][1], self.dtype), parts)

    def _numbers(self, sink: BufferRange, kind: Kind) -> NDArray[Any]:
        """Words of the device as numbers of a kind."""
        host: NDArray[Any] = sink.words.copy_to_host()[: sink.parts[-1][1]]
        return host.view(self.exchange.dtypes[kind])


def roomy(rows: int) -> int:
    """Rows to make room for where so many are wanted."""
    grain = -(-(1 << rows.bit_length()) // (2 * SPARE))
    return -(-rows // grain) * grain
