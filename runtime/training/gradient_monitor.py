"""Watching gradients: how long each parameter's gradient is, and how much of it is 0.

At the first batch of every epoch the gradients of each step are taken once more, without an update,
and written to `gradients.csv` in the folder of the run; those of the states of recurrences, step
by step back through time, to `gradients_over_time.csv`.  Training itself is not touched: a watched
run has the same bits as one that is not.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.ragged import Ragged, SequenceIndex
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.training.run_folder import table

if TYPE_CHECKING:
    from gradc_runtime.session.session import Session

FILE = "gradients.csv"
FILE_OVER_TIME = "gradients_over_time.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradient:
    """The gradient of one step's loss for one parameter, on one batch."""

    epoch: int  # counted from 1
    batches: int  # trained on before
    step: str
    parameter: str
    norm: float
    zeros: float  # the share of its numbers that are 0

    @property
    def layer(self) -> str:
        """`chain.unit7` of `chain.unit7.w`."""
        return self.parameter.rpartition(".")[0]

    @property
    def kind(self) -> str:
        """`w` of `chain.unit7.w`."""
        return self.parameter.rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateGradient:
    """The gradient of one step's loss for a state of a recurrence, so many steps before its end."""

    epoch: int  # counted from 1
    batches: int  # trained on before
    step: str
    state: str
    back: int  # steps before the last one
    sequences: int  # how many sequences have that many steps
    norm: float  # the mean of their norms
    zeros: float  # the share of its numbers that are 0


class Measurement(Protocol):
    """One line of a file of measurements: a dataclass of numbers and words."""

    @property
    def batches(self) -> int:
        """Trained on before."""


Seen = TypeVar("Seen", bound=Measurement)


class Monitor(Protocol):
    """Measures something of a session while it trains, beside the training."""

    def look(self, epoch: int, batches: int, arrays: Batches) -> None:
        """Measure on a batch."""

    def write(self, folder: Path) -> None:
        """Add what is new to the files."""

    def resume(self, folder: Path, batches: int) -> None:
        """Take up what was seen before so many batches."""


@dataclass(frozen=True, slots=True)
class Monitors:
    """Several monitors as one."""

    all: Sequence[Monitor]

    def look(self, epoch: int, batches: int, arrays: Batches) -> None:
        """Measure on a batch."""
        for monitor in self.all:
            monitor.look(epoch, batches, arrays)

    def write(self, folder: Path) -> None:
        """Add what is new to the files."""
        for monitor in self.all:
            monitor.write(folder)

    def resume(self, folder: Path, batches: int) -> None:
        """Take up what was seen before so many batches."""
        for monitor in self.all:
            monitor.resume(folder, batches)


class Log(Generic[Seen]):
    """Measurements, and the file in which they are kept."""

    def __init__(self, file: str, kind: type[Seen]) -> None:
        self.file = file
        self.kind: type[Seen] = kind
        self.seen: list[Seen] = []
        self.written = 0  # how many of `seen` are in the file

    def write(self, folder: Path) -> None:
        """Add what is new to the file; a file of another run is replaced."""
        new = [asdict(_record(one)) for one in self.seen[self.written :]]
        if new or not self.written:
            with (folder / self.file).open("a" if self.written else "w") as stream:
                stream.write(table(new, header=not self.written))
        self.written = len(self.seen)

    def resume(self, folder: Path, batches: int) -> None:
        """Take up what was seen before so many batches."""
        if (folder / self.file).is_file():
            self.seen = [one for one in self.read(folder) if one.batches < batches]
            self.written = 0
            self.write(folder)

    def read(self, folder: Path) -> list[Seen]:
        """The measurements in the file; damaged lines are left out."""
        kinds = {f.name: {"int": int, "float": float}.get(str(f.type), str)
                 for f in fields(_record(self.kind))}  # fmt: skip
        text, found = (folder / self.file).read_text(errors="replace"), list[Seen]()
        for row in csv.DictReader(text.splitlines()):
            with suppress(ValueError, TypeError, KeyError):  # of a damaged line
                found.append(self.kind(**{n: kinds[n](value) for n, value in row.items()}))
        return found


def _record(one: Any) -> Any:
    """A measurement, or its kind, as the dataclass that it is."""
    return one


class GradientMonitor:
    """Measures the gradients of a session, keeps the measurements and writes them to files."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.parameters = Log(FILE, Gradient)
        self.states = Log(FILE_OVER_TIME, StateGradient)
        over_time = any(step.adjoints for step in session.training.steps)
        self.logs = (self.parameters, self.states) if over_time else (self.parameters,)

    def look(self, epoch: int, batches: int, arrays: Batches) -> None:
        """Measure the gradients of every step on a batch."""
        for step in self.session.training.steps:
            _, found = self.session.gradients_on(step, arrays)
            for name, gradient in found.items():
                self.parameters.seen.append(
                    Gradient(
                        epoch=epoch, batches=batches, step=step.name, parameter=name,
                        norm=length(gradient), zeros=float(np.mean(gradient == 0)),
                    )
                )  # fmt: skip
            if step.adjoints is not None:
                _, adjoints = self.session.once(step.adjoints, arrays)
                for state, adjoint in of_role(Role.ADJOINT, adjoints).items():
                    assert isinstance(adjoint, Ragged), "a state has an adjoint at every step"
                    self.states.seen += over_time_of(adjoint, epoch, batches, step.name, state)

    def write(self, folder: Path) -> None:
        """Add what is new to the files."""
        for log in self.logs:
            log.write(folder)

    def resume(self, folder: Path, batches: int) -> None:
        """Take up what was seen before so many batches."""
        for log in self.logs:
            log.resume(folder, batches)


def over_time_of(
    adjoint: Ragged, epoch: int, batches: int, step: str, state: str
) -> list[StateGradient]:
    """The norms from the last step of every sequence to the first."""
    clock = SequenceIndex(adjoint.lengths)
    back = adjoint.lengths[clock.owner] - 1 - clock.position
    rows = adjoint.values.reshape(len(back), -1).astype(np.float64)
    counts = np.bincount(back)
    norms = np.bincount(back, np.sqrt(np.square(rows).sum(axis=1)))
    zeros = np.bincount(back, (rows == 0).mean(axis=1))
    return [
        StateGradient(
            epoch=epoch, batches=batches, step=step, state=state, back=k, sequences=int(count),
            norm=float(norms[k] / count), zeros=float(zeros[k] / count),
        )
        for k, count in enumerate(counts)
    ]  # fmt: skip


def length(gradient: np.ndarray) -> float:
    """The root of the sum of squares, in double precision."""
    return float(np.sqrt(np.sum(np.square(gradient, dtype=np.float64))))
