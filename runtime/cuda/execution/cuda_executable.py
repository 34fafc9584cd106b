"""An entry ready to run on a GPU: for each batch size that it has met a plan, which is a graph.

    executable = CudaExecutable(entry, memory, np.dtype(np.float32))
    results, outputs = executable.run({"image": images, "label": labels})

What persists stays on the device (`device_state.py`).  A call brings its inputs, launches a graph
for each of its steps, and fetches losses and outputs of many steps at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.types import Kind
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.machine.targets import CUDA
from gradc_compiler.program.arrays import Array, ClockName
from gradc_compiler.program.entry import Entry
from gradc_runtime.binding.io_binding import Arrays, IOBinding
from gradc_runtime.cuda.devices.device import CudaFault
from gradc_runtime.cuda.execution.chosen_device import device
from gradc_runtime.cuda.execution.cuda_plan import CudaPlan, needed
from gradc_runtime.cuda.execution.device_state import Alone, DeviceState
from gradc_runtime.cuda.execution.resident_data import chosen_rows
from gradc_runtime.cuda.launch.arena import Arena, arrange
from gradc_runtime.cuda.launch.batches import CudaBatches
from gradc_runtime.cuda.launch.step_calls import DeviceRegion
from gradc_runtime.cuda.launch.time_room import TimeRoom
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.chosen_rows import as_arrays

MOST_PLANS = MACHINE.gpu_plans  # batch sizes whose memory is kept
SPARE = MACHINE.gpu_room  # room for sequences: a multiple of this part of a power of two


class CudaExecutable:
    """Runs one entry on the GPU.  `persistent` are the words of the session, which other entries
    share; of a session, its memory.
    """

    def __init__(
        self,
        entry: Entry,
        persistent: NDArray[Any] | Any,
        dtype: np.dtype[Any] | type,
        threads: int = 1,
        crew: object = None,
    ) -> None:
        assert entry.target == CUDA, f"{entry.name} was lowered for {entry.target}"
        self.entry, self.device, self.dtype = entry, device(), np.dtype(dtype)
        self.state = state_of(self.device, persistent)
        self.exchange = IOBinding(entry, self.dtype)
        self.updates = bool(of_role(Role.UPDATE, entry.graph.outputs))
        self._plans: dict[tuple[Any, ...], CudaPlan] = {}

    def plan(
        self, examples: int, room: TimeRoom, data: Mapping[str, DeviceRegion] | None = None
    ) -> CudaPlan:
        """The plan of a batch size with so much room, made when one is first wanted; old ones make
        way.
        """
        data = data or {}
        key = (examples, *sorted((name, region.first) for name, region in data.items()))
        plan = self._plans.pop(key, None)
        if plan is not None and not plan.arena.room.holds(room):
            room, plan = room.joined(plan.arena.room), None
        if plan is None:
            while len(self._plans) >= MOST_PLANS:
                self._plans.pop(next(iter(self._plans)))
            room = TimeRoom(tuple(map(roomy, room.rows)), tuple(map(roomy, room.steps)))
            plan = self.made(self.fitting(examples, room), data)
        self._plans[key] = plan
        return plan

    def made(self, arena: Arena, data: Mapping[str, DeviceRegion]) -> CudaPlan:
        """A plan for a batch size."""
        return CudaPlan(self.device, arena, self.dtype, self.state.first, data)

    def plans(self) -> list[CudaPlan]:
        """The plans that are kept, the last used last."""
        return list(self._plans.values())

    def fitting(self, examples: int, room: TimeRoom | None = None) -> Arena:
        """The layout for a batch size, if the device has that much memory left.

        Raises `CudaFault` where it has not, with the batch that would fit.
        """
        arena, size = arrange(self.entry, examples, room), self.dtype.itemsize
        free = self.device.free_bytes()
        if needed(arena, ()) * size > free:
            raise CudaFault(
                f"{self.entry.name} needs {needed(arena, ()) * size / 1e9:.1f} GB on the GPU for"
                f" {examples} examples; {free / 1e9:.1f} GB are free, enough for"
                f" {self._most(arena, free // size)}"
            )
        return arena

    def _most(self, arena: Arena, words: int) -> int:
        """The most examples that take no more words, with rows of times in proportion."""
        least, most = 0, arena.examples
        while least < most:
            middle = (least + most + 1) // 2
            rows = tuple(-(-n * middle // arena.examples) for n in arena.room.rows)
            some = arrange(self.entry, middle, replace(arena.room, rows=rows))
            fits = needed(some, ()) <= words
            least, most = (middle, most) if fits else (least, middle - 1)
        return least

    def run(
        self, inputs: Batches, steps: int = 1, *, batch: int | None = None
    ) -> tuple[Arrays, Arrays]:
        """Run `steps` batches, with what the executable of a CPU takes and gives.

        Raises `CudaFault` where the device fails.
        """
        chosen, others = chosen_rows(inputs)
        if not self.state.data.fits(chosen):
            chosen, others = {}, Batches(as_arrays(inputs))
        given = self.exchange.inputs(others, chosen)
        examples = self.exchange.examples(inputs, steps, batch)
        lengths = self.exchange.lengths(inputs, steps * examples)
        batches = CudaBatches(self.entry.times, lengths, steps, examples)
        with self.faults():
            data = self.state.data.regions(chosen)
            plan = self.plan(examples, batches.most(), data)
            rows = next(iter(chosen.values())).rows if chosen else None
            return self._run(plan, given, batches, rows)

    @contextmanager
    def faults(self) -> Iterator[None]:
        """A failure of the device as a fault of this entry; the mirror stays what it was.

        Raises `CudaFault`.
        """
        try:
            yield
        except CudaFault as fault:
            self.state.lost()
            self._plans.clear()
            said = str(fault)
            own = said if said.startswith(self.entry.name) else f"{self.entry.name}: {said}"
            raise CudaFault(own) from fault

    def repeat(self, inputs: Batches) -> None:
        """There is no shorter way: a call is a launch of a graph."""

    def _run(
        self, plan: CudaPlan, given: Arrays, batches: CudaBatches, rows: NDArray[Any] | None
    ) -> tuple[Arrays, Arrays]:
        """Go through the pieces: while one is computed, the next is brought."""
        self.state.before_call()
        words = {k: self._words(plan.entry.arrays[k], given, batches) for k in plan.brought}
        outputs = {k: self._room(plan.entry.arrays[k], batches) for k in plan.made}
        results = [np.empty((batches.steps, size), self.dtype) for _, size in self.exchange.kept]
        pieces = plan.pieces(batches.steps)
        for before, piece in zip([None, *pieces], [*pieces, None], strict=True):
            if before is not None:
                plan.run(before)
            if piece is not None:
                plan.bring(piece, batches, words, rows)
            if before is not None:
                plan.fetch(before, batches, outputs, results)
        if self.updates:
            self.state.after_call()
        kinds = [result.type.kind for result, _ in self.exchange.kept]
        found = [a.view(self.exchange.dtypes[k]) for a, k in zip(results, kinds, strict=True)]
        made = {plan.entry.arrays[k].name: self._output(plan, k, outputs, batches) for k in outputs}
        return self.exchange.results(found), made

    def _words(self, array: Array, given: Arrays, batches: CudaBatches) -> NDArray[Any]:
        """What the host knows of an array, over all batches: an input, or a clock of sequences."""
        if array.role == "input":
            values = batches.packed(array, given[array.name])
        else:
            assert isinstance(array.name, ClockName), "a clock says what it tells"
            values = batches.array(array.name).astype(self.exchange.dtypes[Kind.INDEX])
        return np.ascontiguousarray(values).reshape(-1).view(self.dtype)

    def _room(self, array: Array, batches: CudaBatches) -> NDArray[Any]:
        """Room for an output of all batches."""
        return np.empty(batches.total(array.type.time) * array.type.size, self.dtype)

    def _output(
        self, plan: CudaPlan, number: int, outputs: Mapping[int, NDArray[Any]], batches: CudaBatches
    ) -> Any:
        """An output on the host, [N, ...]: of sequences a `Ragged`."""
        array = plan.entry.arrays[number]
        words = outputs[number].view(self.exchange.dtypes[array.type.kind])
        shape = (batches.total(array.type.time), *array.type.shape)
        return batches.unpacked(array, words.reshape(shape))


def state_of(device: Any, persistent: Any) -> DeviceState:
    """The words on the device, which all entries of a session share."""
    if isinstance(persistent, np.ndarray):
        return DeviceState(device, Alone(persistent))
    if not isinstance(persistent.device, DeviceState):
        persistent.device = DeviceState(device, persistent)
    found: DeviceState = persistent.device
    return found


def roomy(rows: int) -> int:
    """Rows to make room for where so many are wanted."""
    grain = -(-(1 << rows.bit_length()) // (2 * SPARE))
    return -(-rows // grain) * grain
