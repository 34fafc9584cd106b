"""What one batch size needs on the device: its memory, its graph, and the way in and out.

A call is made in pieces of a few batches.  All that the host brings for a piece (inputs, or the
numbers of the rows that are wanted of data that lies on the device, and each batch's control words)
is copied at once; then the graph is launched for each batch, and results and outputs come back at
once.  There is room for two pieces, so that one is copied while the other is computed.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.binding.constant_pieces import pieces
from gradc_runtime.cuda.devices.device import Device
from gradc_runtime.cuda.launch.arena import ALIGN, Arena
from gradc_runtime.cuda.launch.batches import CudaBatches
from gradc_runtime.cuda.launch.control import Control
from gradc_runtime.cuda.launch.kernel_call import CudaCall
from gradc_runtime.cuda.launch.merge_calls import merged
from gradc_runtime.cuda.launch.step_calls import DeviceRegion, StepCalls, StepPlaces

MOST_STEPS = MACHINE.gpu_piece_steps  # of a piece
PIECE = MACHINE.gpu_piece  # bytes that a piece brings, about


@dataclass(frozen=True, slots=True)
class CallPiece:
    """Some batches of a call, and the numbers that they have on the device."""

    batch: int
    steps: int
    start: int


class CudaPlan:
    """What one batch size needs on the device; `data` has the first words of inputs of which rows
    are chosen there, by name.
    """

    def __init__(
        self, device: Device, arena: Arena, dtype: np.dtype[Any], persistent: int,
        data: Mapping[str, DeviceRegion],
    ) -> None:  # fmt: skip
        self.device, self.entry, self.dtype = device, arena.entry, dtype
        self.whole = np.dtype(f"i{dtype.itemsize}")
        self.arrays = list(enumerate(self.entry.arrays))
        self.chosen = {k: data[str(a.name)] for k, a in self.arrays if str(a.name) in data}
        self.brought = [k for k, a in self.arrays if a.role in ("input", "clock")]
        self.brought = [k for k in self.brought if k not in self.chosen]
        self.made = [k for k, a in self.arrays if a.role == "output"]
        self.steps = steps_of_piece(arena, self.chosen)
        self.control = Control.of(self.entry, arena.room)
        self.memory = device.memory(needed(arena, self.chosen) * dtype.itemsize)
        device.zero(self.memory.address, self.memory.size)
        self.arena, self.places = self._placed(arena, persistent)
        self._write_constants()
        calls = StepCalls(
            self.entry, self.arena, self.control, self.places, device.at_once, dtype.itemsize
        )
        self.build(calls.all())

    def build(self, calls: list[CudaCall]) -> None:
        """Make the graph of a step."""
        self.graph = merged(calls)
        self.built: Any = self.device.build(self.graph, self.dtype.itemsize)

    def launch(self) -> None:
        """Make a step."""
        self.device.launch(self.built)

    def _placed(self, arena: Arena, persistent: int) -> tuple[Arena, StepPlaces]:
        """The arena where the memory begins, and behind it everything else."""
        start = self.memory.address // self.dtype.itemsize
        regions = Regions(start + arena.words)
        rows, both = [arena.examples, *arena.room.rows], 2 * self.steps

        def over_batches(number: int) -> DeviceRegion:
            array = self.entry.arrays[number]
            time = array.type.time
            each = rows[0 if time is None else 1 + self.entry.times.index(time)]
            return regions.take(both * each * array.type.size)

        places = StepPlaces(
            counter=regions.take(1),
            control=regions.take(self.control.words),
            controls=regions.take(both * self.control.words),
            brought={k: over_batches(k) for k in self.brought},
            chosen=self.chosen,
            rows=regions.take(both * arena.examples if self.chosen else 0),
            outputs={k: over_batches(k) for k in self.made},
            results={k: regions.take(both * r.words) for k, r in enumerate(self.entry.results)},
            meeting=regions.take(1),
        )
        return arena.placed(start, persistent), places

    def _write_constants(self) -> None:
        start = self.arena.bases[Space.UNIFORM]
        for constant in self.entry.constants:
            for at, values in pieces(constant):
                if values.size:
                    self.device.upload(self.address(start + at), values.astype(self.dtype))

    def address(self, word: int) -> int:
        """The address of a word."""
        return word * self.dtype.itemsize

    def pieces(self, steps: int) -> list[CallPiece]:
        """The pieces of a call, which take turns in the room for two."""
        starts = range(0, steps, self.steps)
        return [
            CallPiece(batch, min(self.steps, steps - batch), k % 2 * self.steps)
            for k, batch in enumerate(starts)
        ]

    def bring(
        self, piece: CallPiece, batches: CudaBatches, given: Mapping[int, NDArray[Any]],
        rows: NDArray[Any] | None,
    ) -> None:  # fmt: skip
        """Copy what a piece needs; `given` are words over all batches of the call."""
        table = self.control.table(batches, piece.batch, piece.steps, piece.start)
        controls = self.places.controls.first + piece.start * self.control.words
        self.device.stage(self.address(controls), table.astype(self.whole))
        for number, words in given.items():
            begin, end, place = self.part(piece, batches, self.entry.arrays[number])
            if end > begin:
                target = self.places.brought[number].first + place
                self.device.stage(self.address(target), words[begin:end])
        if rows is not None:
            n = self.arena.examples
            own = rows[piece.batch * n : (piece.batch + piece.steps) * n]
            target = self.places.rows.first + piece.start * n
            self.device.stage(self.address(target), own.astype(self.whole))

    def part(self, piece: CallPiece, batches: CudaBatches, array: Array) -> tuple[int, int, int]:
        """A piece's words of an array over all batches, and where they begin in its region."""
        parts = batches.parts(array.type.time, array.type.size)
        time = array.type.time
        rows = self.arena.examples
        if time is not None:
            rows = self.arena.room.rows[self.entry.times.index(time)]
        begin, end = parts[piece.batch][0], parts[piece.batch + piece.steps - 1][1]
        return begin, end, piece.start * rows * array.type.size

    def run(self, piece: CallPiece) -> None:
        """Launch the graph for each batch of a piece."""
        self.device.join()
        self.device.upload(
            self.address(self.places.counter.first), np.array([piece.start], self.whole)
        )
        for _ in range(piece.steps):
            self.launch()

    def fetch(
        self, piece: CallPiece, batches: CudaBatches, outputs: Mapping[int, NDArray[Any]],
        results: Sequence[NDArray[Any]],
    ) -> None:  # fmt: skip
        """Copy a piece's outputs and results into arrays over all batches of the call."""
        for number, words in outputs.items():
            begin, end, place = self.part(piece, batches, self.entry.arrays[number])
            if end > begin:
                source = self.places.outputs[number].first + place
                self.device.download(self.address(source), words[begin:end])
        for number, words in enumerate(results):
            region, size = self.places.results[number], words.shape[1]
            source = region.first + piece.start * size
            if size:
                own = words[piece.batch : piece.batch + piece.steps]
                self.device.download(self.address(source), own)


@dataclass
class Regions:
    """Gives out words one after another."""

    end: int

    def take(self, words: int) -> DeviceRegion:
        """So many words, on a line of the GPU's cache."""
        first, self.end = self.end, self.end + -(-words // ALIGN) * ALIGN
        return DeviceRegion(first, words)


def moved_words(arena: Arena, chosen: Container[int]) -> list[int]:
    """Words that a batch brings and gives, array by array and result by result."""
    entry = arena.entry
    found = [
        arena.words_of(array)
        for k, array in enumerate(entry.arrays)
        if array.role in ("input", "clock", "output") and k not in chosen
    ]
    return [*found, *(result.words for result in entry.results)]


def steps_of_piece(arena: Arena, chosen: Container[int]) -> int:
    """How many batches a piece has: what they bring and give takes not much more than `PIECE`."""
    word = 8  # at most
    return max(1, min(MOST_STEPS, PIECE // (word * max(1, sum(moved_words(arena, chosen))))))


def needed(arena: Arena, chosen: Container[int]) -> int:
    """The words that a plan takes, all in all."""
    control, both = Control.of(arena.entry, arena.room), 2 * steps_of_piece(arena, chosen)
    each = [*moved_words(arena, chosen), control.words, arena.examples]
    return arena.words + control.words + 3 * ALIGN + sum(both * size + ALIGN for size in each)
