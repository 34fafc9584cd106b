"""Everything a program can do, done once on random inputs: what `verify` compares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from gradc_compiler.graph_tools.samples import random_batch, random_lengths
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import Program
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.table import INEXACT
from gradc_runtime.certificates.distances import (
    AfterUpdate,
    EntryOutput,
    ResultKey,
    Results,
    Tensors,
    difference,
)
from gradc_runtime.cli.actions.request import prepare
from gradc_runtime.data.arrays.checked import Batches, check_inputs
from gradc_runtime.data.arrays.validate import values_of
from gradc_runtime.session.inputs import lengths_read_by
from gradc_runtime.session.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A program, where it runs, from which numbers, and on how many random examples."""

    program: Program
    start: Tensors
    examples: int
    seed: int
    target: str = "cpu"
    dtype: str = "float64"
    threads: int = 1
    numbers: str = "normal"  # what inputs are drawn from

    def session(self) -> Session:
        """A fresh session that holds the starting numbers."""
        return Started(self)

    def inputs(self, entry: str) -> Batches:
        """Random examples, the same in both widths, of the types that an entry declares."""
        here = self.program.entries[entry]
        made: dict[str, Any] = {}
        for name, type in here.inputs.items():
            made[name] = random_batch(
                name, type, self.examples, self.seed, numbers=self.numbers, limits=here.limits
            )
        found = check_inputs(made, here.inputs, self.dtype)
        return Batches({**self.lengths(here), **found})

    def lengths(self, entry: Entry) -> dict[str, np.ndarray]:
        """The lengths of every time that an entry knows."""
        return {
            name: random_lengths(time, self.examples, self.seed, entry.limits)
            for name, time in lengths_read_by(entry).items()
        }

    def results(self) -> Results:
        """Every forward pass, every gradient, and what persists after each step's update."""
        session = self.session()
        found = self.values(session)
        for entry in self.entries(updates=True):
            found |= self.last(session, entry)
        return found | {AfterUpdate(n): view for n, view in session.memory.views.items()}

    def values(self, session: Session) -> dict[ResultKey, np.ndarray]:
        """What all entries give that update nothing."""
        found: dict[ResultKey, np.ndarray] = {}
        for entry in self.entries(updates=False):
            found |= self.last(session, entry)
        return found

    def entries(self, *, updates: bool) -> list[str]:
        """The names of the entries that update, or of those that do not."""
        steps = self.program.training.steps if self.program.training else ()
        if updates:
            return [step.entry for step in steps]
        rest = [name for step in steps for name in (step.gradients, step.evaluate)]
        return [*self.program.models.values(), *rest]

    def once(self, session: Session, entry: str) -> dict[ResultKey, np.ndarray]:
        """What one entry gives."""
        prepare(session, [entry])
        results, outputs = session.runner(entry).run(self.inputs(entry), batch=self.examples)
        found = {**results, **outputs}
        return {EntryOutput(entry, key): values_of(batch) for key, batch in found.items()}

    def last(self, session: Session, entry: str) -> dict[ResultKey, np.ndarray]:
        """The same of an entry that is not run again: it gives its memory back."""
        found = self.once(session, entry)
        del session.runners[entry]
        return found


class Started(Session):
    """The session of a trial; first values that nobody would read are not drawn."""

    def __init__(self, trial: Trial) -> None:
        self._start = trial.start
        super().__init__(trial.program, trial.target, trial.dtype, trial.threads, trial.seed)

    def begin(self) -> None:
        """Take over the numbers that the trial starts from."""
        self.memory.assign(self._start)


def inexact(program: Program, names: Iterable[str] | None = None) -> dict[str, int]:
    """The inexact rewrites of some entries, or of all of them, and how often each is made."""
    made = [program.entries[name].applied for name in names or program.entries]
    counts = {name: sum(applied.get(name, 0) for applied in made) for name in INEXACT}
    return {name: count for name, count in counts.items() if count}


def off_by(trial: Trial, entry: str) -> float:
    """How far an entry's inexact rewrites are off, relative to the largest number of a tensor.

    On the random examples of a trial, at the first values of the parameters.
    """
    start, exact = Session(trial.program, dtype=trial.dtype).memory.views, trial.program.exact
    assert exact is not None, "a program with inexact rewrites has an exact form"
    found, wanted = (
        one.once(one.session(), entry)
        for one in (replace(trial, program=p, start=start) for p in (trial.program, exact))
    )
    return difference(found, wanted, exactly=False)[0]
