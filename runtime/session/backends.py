"""Back ends: one small interface to run an entry, and a table of the targets that have it.

A back end holds one entry and the session's words.  `run` takes inputs `[steps * N, ...]`, makes
`steps` runs of N examples one after another, and returns results `[steps, ...]` and outputs
`[steps * N, ...]`.  `batch` is N, for an entry that reads no array and only draws noise.  Sequences
go in and come out as a `Ragged` of `steps * N`, and `length/NAME` has the lengths `[steps * N]` of
each time that has a name.

A target is imported only when a session asks for it: a session on the CPU never loads CUDA.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.graph.outputs import OutputKey, Role, of_role
from gradc_compiler.graph.ragged import Batch, joined
from gradc_compiler.program import shelf
from gradc_compiler.program.entry import Entry
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import of_rows
from gradc_runtime.session.state import Evaluate, StateMemory

Arrays = dict[str, np.ndarray]
Found = dict[OutputKey, np.ndarray]  # results
Ran = tuple[Found, dict[OutputKey, Batch]]  # results and outputs


class ReplayCall(Protocol):
    """A captured call: runs an entry again on inputs of the same shapes, without checking anew.

    `results` has the words `[1, words]` of each result of the last call.
    """

    results: Found

    def __call__(self, given: Mapping[str, Any]) -> Found | None:
        """The outputs; None where the inputs are unlike those captured: then call `Backend.run`."""


class Backend(Protocol):
    """One entry, ready to run."""

    def run(self, inputs: Batches, steps: int = 1, *, batch: int | None = None) -> Ran:
        """Make `steps` runs in turn; gives results `[steps, ...]`, outputs `[steps * N, ...]`."""

    def repeat(self, inputs: Batches) -> ReplayCall | None:
        """Capture a call on inputs like these for replay; None where that is not possible."""


class Reference:
    """Evaluates an entry's graph with NumPy, operator by operator: the oracle."""

    def __init__(self, entry: Entry, memory: StateMemory, evaluate: Evaluate) -> None:
        self.entry, self.memory, self.evaluate = entry, memory, evaluate

    def run(self, inputs: Batches, steps: int = 1, *, batch: int | None = None) -> Ran:
        """Run step after step, storing what each one updates."""
        count = batch or examples_of(inputs) // steps
        runs = [self.once(part, count) for part in parts(inputs, steps)]
        results = [result.name for result in self.entry.results]
        return (
            {name: np.stack([run[name] for run in runs]) for name in results},
            {name: joined([run[name] for run in runs]) for name in self.entry.outputs},
        )

    def repeat(self, inputs: Batches) -> ReplayCall | None:
        """NumPy has no captured calls: always None."""
        return None

    def once(self, inputs: Batches, count: int) -> Mapping[OutputKey, Any]:
        """One run of `count` examples."""
        values = values_by_name(self.memory.views, inputs)
        dtype = str(self.memory.words.dtype)
        with np.errstate(all="ignore"):  # as native code does; the trainer looks at the losses
            found = self.evaluate(self.entry.graph, values, count, dtype)
        for name, value in of_role(Role.UPDATE, found).items():
            self.memory.views[name][...] = value
        return found


def parts(inputs: Batches, steps: int) -> list[Batches]:
    """The inputs of each step in turn."""
    count = examples_of(inputs) // steps
    return [of_rows(inputs, slice(i * count, (i + 1) * count)) for i in range(steps)]


def in_turn(runs: Sequence[Ran]) -> Ran:
    """Join the results and outputs of several runs of an entry, in order."""
    results, outputs = zip(*runs, strict=True)
    return (
        {name: np.concatenate([found[name] for found in results]) for name in results[0]},
        {name: joined([found[name] for found in outputs]) for name in outputs[0]},
    )


def examples_of(inputs: Mapping[str, Batch]) -> int:
    """How many examples some inputs hold; one where there is no input."""
    return len(next(iter(inputs.values()))) if inputs else 1


TARGETS: Mapping[str, tuple[str, str] | None] = {  # the module and the class of each
    "cpu": ("gradc_runtime.cpu.executable", "Executable"),
    "numba": ("gradc_runtime.cpu.numba_jit.numba_executable", "NumbaExecutable"),
    "cuda": ("gradc_runtime.cuda.execution.cuda_executable", "CudaExecutable"),
    "reference": None,
}

SWITCH = "GRADC_SCHEDULES"  # 0: schedules are neither kept nor looked for


def kept_schedules() -> shelf.Shelf | None:
    """The schedules of earlier runs, in the cache of kernels."""
    if os.environ.get(SWITCH) == "0":
        return None
    place: Any = import_module("gradc_runtime.cpu.objects.kept_schedules")
    kept: shelf.Shelf = place
    return kept


shelf.use(kept_schedules)


def prepare(
    entry: Entry, memory: StateMemory, *, target: str, threads: int, evaluate: Evaluate
) -> Backend:
    """A runner of an entry on a target."""
    place = TARGETS[target]
    if place is None:
        return Reference(entry, memory, evaluate)
    executable: Any = getattr(import_module(place[0]), place[1])
    words = memory if target == "cuda" else memory.words
    runner: Backend = executable(entry, words, memory.mirror.dtype, threads)
    return runner
