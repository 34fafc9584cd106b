"""Tables of schedules (such as a learning rate), filled ahead of the steps that read them.

A schedule is evaluated by NumPy in float64 for some thousand updates at once and rounded to the
session's type; native code then only looks up a number.  The number of updates that a step has made
is `base + place`.  The step itself adds 1 to `place`, in native code too; `base`, a whole number of
62 bits, is written here when a table is filled.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradc_compiler.program.program import COUNT, Program, Schedules
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import of_rows
from gradc_runtime.session.backends import Backend, Ran, in_turn
from gradc_runtime.session.checkpoint import Checkpoint
from gradc_runtime.session.state import Evaluate, StateMemory
from gradc_runtime.session.step_counter import StepCounter
from gradc_runtime.session.weights_file import is_weight, only_weights
from gradc_runtime.system.errors import CheckpointError

DIGIT = 2**31  # the first of the two words of `base` counts below this


class Ahead:
    """The tables of one step."""

    def __init__(self, schedules: Schedules, memory: StateMemory, evaluate: Evaluate) -> None:
        self.schedules, self.evaluate = schedules, evaluate
        views = memory.mirrored  # which are up to date on the host after each call
        self.tables = {name: views[name] for name in schedules.tables}
        self.place, self.base = views[schedules.place], views[schedules.base]
        self.size = min(map(len, self.tables.values()))

    @property
    def count(self) -> int:
        """How many updates the step has made."""
        return int(self.place) + int(self.base[0]) + DIGIT * int(self.base[1])

    def fill(self, count: int) -> None:
        """Let the tables begin at this update."""
        counts = float(count) + np.arange(float(self.size))
        for name, graph in self.schedules.tables.items():
            with np.errstate(all="ignore"):
                found = self.evaluate(graph, {"t": counts}, self.size, "float64")
                self.tables[name][...] = found["value"]
        self.base[...] = (count % DIGIT, count // DIGIT)
        self.place[...] = 0

    def ready(self, steps: int) -> int:
        """Fill the tables if they end within `steps` steps; returns how many steps they serve."""
        left = self.size - int(self.place)
        if steps > left:
            self.fill(self.count)
            left = self.size
        return min(steps, left)


class Tables:
    """The tables of a session's steps; a checkpoint holds counts of updates in their place."""

    def __init__(self, program: Program, memory: StateMemory) -> None:
        self.memory, self.counter = memory, StepCounter(memory)
        steps = program.training.steps if program.training else ()
        self.updating = frozenset(step.entry for step in steps)
        self.of: dict[str, Ahead] = {  # a step's entry
            step.entry: Ahead(step.schedules, memory, program.evaluate)
            for step in steps
            if step.schedules is not None
        }

    def ready(self) -> bool:
        """Fill all tables for one more update; false if the seed of draws is about to move on."""
        within = self.counter.left > len(self.updating)
        return within and all(ahead.ready(1) for ahead in self.of.values())

    def run(self, entry: str, runner: Backend, inputs: Batches, steps: int, batch: int) -> Ran:
        """Runs of an entry in turn, as many at once as its tables and its counter are good for."""
        if entry not in self.updating:
            return runner.run(inputs, steps, batch=batch)
        done, ran = 0, list[Ran]()
        while done < steps:
            left = self.counter.left
            count = min(left, steps - done)
            if entry in self.of:
                count = self.of[entry].ready(count)
            part = inputs
            if count < steps:
                part = of_rows(inputs, slice(done * batch, (done + count) * batch))
            ran.append(runner.run(part, count, batch=batch))
            done += count
            if count == left:
                self.counter.go_round()
        return ran[0] if len(ran) == 1 else in_turn(ran)

    def saved(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds: all that persists, but of each schedule a count, no table."""
        counts = {a.schedules.count: np.array(a.count, np.int64) for a in self.of.values()}
        return {**self._lasting(), **counts}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over a checkpoint; it need not have been of the same schedules, or of any.

        Where a step's count is missing, it is the count of all updates over the number of steps, as
        the steps take turns.  A checkpoint that holds weights alone leaves all else as it is.
        """
        if only_weights(checkpoint):
            kept = (p.name for p in self.memory.persistents.values() if is_weight(p))
            checkpoint.copy_into({name: self.memory.views[name] for name in kept})
            return
        counts = {n: _whole(checkpoint, n) for n in checkpoint.tensors if n.endswith(COUNT)}
        rest = {n: tensor for n, tensor in checkpoint.tensors.items() if n not in counts}
        views = self._lasting()
        replace(checkpoint, tensors=rest).copy_into(views)
        for ahead in self.of.values():
            turns = self.counter.count // len(self.updating)
            ahead.fill(counts.get(ahead.schedules.count, turns))

    def _lasting(self) -> dict[str, np.ndarray]:
        """The views of what a checkpoint keeps as it is."""
        kept = (p.name for p in self.memory.persistents.values() if p.role != "schedule")
        return {name: self.memory.views[name] for name in kept}


def _whole(checkpoint: Checkpoint, name: str) -> int:
    """A count of updates; `CheckpointError` where it is none."""
    tensor = checkpoint.tensors[name]
    if tensor.shape or tensor.dtype != np.int64 or not 0 <= int(tensor) < DIGIT**2:
        raise CheckpointError(f"{checkpoint.name} does not fit: {name} is no count of updates")
    return int(tensor)
