"""Watching gradients: how long each parameter's gradient is, and how much of it is 0.

At the first batch of every epoch the gradients of each step are taken once more, without an update,
and written to `gradients.csv` in the folder of the run.  Training itself is not touched: a watched
run has the same bits as one that is not.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compiler.graph.ragged import Batch
from runtime.records import table

if TYPE_CHECKING:
    from runtime.session import Session

FILE = "gradients.csv"


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


class Watch:
    """Takes the gradients of a session, and keeps and writes what they are."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.seen: list[Gradient] = []
        self.written = 0  # of them

    def look(self, epoch: int, batches: int, arrays: Mapping[str, Batch]) -> None:
        """Measure the gradients of every step on a batch."""
        for step in self.session.training.steps:
            _, found = self.session.gradients(step.name, **arrays)
            for name, gradient in found.items():
                self.seen.append(
                    Gradient(
                        epoch=epoch, batches=batches, step=step.name, parameter=name,
                        norm=length(gradient), zeros=float(np.mean(gradient == 0)),
                    )
                )  # fmt: skip

    def write(self, folder: Path) -> None:
        """Add what is new to the file; a file of another run is replaced."""
        new = [asdict(gradient) for gradient in self.seen[self.written :]]
        with (folder / FILE).open("a" if self.written else "w") as stream:
            stream.write(table(new, header=not self.written))
        self.written = len(self.seen)

    def resume(self, folder: Path, batches: int) -> None:
        """Take up what was seen before so many batches."""
        if (folder / FILE).is_file():
            self.seen = [seen for seen in read(folder / FILE) if seen.batches < batches]
            self.written = 0
            self.write(folder)


def length(gradient: np.ndarray) -> float:
    """The root of the sum of squares, in double precision."""
    return float(np.sqrt(np.sum(np.square(gradient, dtype=np.float64))))


def read(path: Path) -> list[Gradient]:
    """What a file of gradients says."""
    kinds = {field.name: {"int": int, "float": float}.get(str(field.type), str)
             for field in fields(Gradient)}  # fmt: skip
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [Gradient(**{name: kinds[name](text) for name, text in row.items()}) for row in rows]
