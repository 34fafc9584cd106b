"""A model's graph of launches as data that a program without Python can launch.

Its memory will begin anywhere.  So all launches are worked out for two beginnings: a number that
differs is a place in memory, and moves with it; all others stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import Kind
from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import Entry, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.binding.constant_pieces import pieces
from gradc_runtime.cuda.devices.launch_form import KernelKey, NodeLaunch, launches_of
from gradc_runtime.cuda.launch.arena import ALIGN, Arena, arrange
from gradc_runtime.cuda.launch.control import Control
from gradc_runtime.cuda.launch.merge_calls import merged
from gradc_runtime.cuda.launch.step_calls import DeviceRegion, StepCalls, StepPlaces
from gradc_runtime.cuda.launch.step_graph import StepGraph
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError

NOWHERE = DeviceRegion(0, 0)


@dataclass(frozen=True, slots=True)
class PlacedNumber:
    """A number that a kernel is given: as it is, or from the first word of the memory on."""

    value: int
    moves: bool


@dataclass(frozen=True)
class GpuModel:
    """A model for batches of one size."""

    name: str
    entry: Entry
    batch: int
    arena: Arena  # of which the words that persist come first
    words: int
    kernels: tuple[KernelKey, ...]
    launches: tuple[NodeLaunch, ...]
    parameters: tuple[tuple[PlacedNumber, ...], ...]
    table: tuple[PlacedNumber, ...]
    edges: tuple[tuple[int, int], ...]
    filled: NDArray[np.generic]  # what persists, and constants, from the first word on

    def arrays(self, role: str) -> list[tuple[int, Array]]:
        """The first words of arrays, and the arrays."""
        first = self.arena.bases[Space.ARRAY :]
        return [(at, a) for at, a in zip(first, self.entry.arrays, strict=True) if a.role == role]


def gpu_model(session: Session, model: str, batch: int) -> GpuModel:
    """A session's model with the weights that it has now.

    Raises `SessionError` for one that reads or gives sequences, or that is not in float32.
    """
    entry = session.program.of_target("cuda").entries[session.program.models[model]]
    if entry.times or entry.results or session.dtype != "float32":
        raise SessionError(f"{model}: a library for a GPU takes no sequences, and is in float32")
    persistent = session.memory.mirror.size
    first, second = (_graph(entry, batch, persistent, start) for start in (ALIGN, 3 * ALIGN))
    (graph, arena), (other, _) = first, second
    launches, table = launches_of(graph)
    moved, moved_table = launches_of(other)
    numbers = [_numbers(a.parameters, b.parameters) for a, b in zip(launches, moved, strict=True)]
    base = arena.placed(-arena.bases[Space.UNIFORM] + persistent_end(persistent), 0)
    return GpuModel(
        name=model, entry=entry, batch=batch, arena=base,
        words=persistent_end(persistent) + arena.words,
        kernels=tuple(dict.fromkeys(launch.key for launch in launches)),
        launches=tuple(launches), parameters=tuple(numbers), table=_numbers(table, moved_table),
        edges=graph.edges, filled=_filled(session, entry, base),
    )  # fmt: skip


def persistent_end(words: int) -> int:
    """Where the arena begins, behind what persists."""
    return -(-words // ALIGN) * ALIGN


def _graph(entry: Entry, batch: int, persistent: int, start: int) -> tuple[StepGraph, Arena]:
    """The graph where the memory begins at a word."""
    arena = arrange(entry, batch).placed(start + persistent_end(persistent), start)
    places = StepPlaces(
        counter=NOWHERE, control=NOWHERE, controls=NOWHERE, brought={}, chosen={}, rows=NOWHERE,
        outputs={}, results={}, meeting=NOWHERE,
    )  # fmt: skip
    calls = StepCalls(entry, arena, Control.of(entry, arena.room), places)
    return merged([call for phase in entry.phases for call in calls.phase(phase)]), arena


def _numbers(here: Sequence[int], there: Sequence[int]) -> tuple[PlacedNumber, ...]:
    """Numbers for two beginnings, which are 2 * ALIGN words apart."""
    found = []
    for a, b in zip(here, there, strict=True):
        assert b - a in (0, 2 * ALIGN), "a number moves with the memory, or stays"
        found.append(PlacedNumber(a - ALIGN if b != a else a, b != a))
    return tuple(found)


def _filled(session: Session, entry: Entry, arena: Arena) -> NDArray[np.generic]:
    """The first words of the memory as they are before any call: weights, then constants."""
    uniform = arena.bases[Space.UNIFORM]
    found = np.zeros(uniform + entry.uniform_words, np.float32)
    found[: session.memory.mirror.size] = session.memory.words
    for constant in entry.constants:
        for at, values in pieces(constant):
            found[uniform + at : uniform + at + values.size] = values
    return found


def c_type(array: Array) -> str:
    """The C type of an array's numbers."""
    return "float" if array.type.kind is Kind.REAL else "int"
