"""When a run writes to its folder, and what happens when it cannot.

A checkpoint is written at the beginning, every so many seconds, on a signal, and at the end; the
best epoch is kept in memory and written together with the next one.  A full disk does not end a
run: the user is told, and the next attempt comes in its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.checkpoint import Checkpoint
from runtime.display import Display
from runtime.errors import CheckpointError
from runtime.records import Row, RunFolder

if TYPE_CHECKING:
    from runtime.session import Session

State = dict[str, Any]
FIXED = ("batch", "seed", "held_out")  # settings that decide the order of the examples


class Keeper:
    """Writes what a run has to keep; does nothing where there is no folder."""

    def __init__(
        self, session: Session, folder: RunFolder | None, display: Display, seconds: float
    ) -> None:
        self.session, self.folder, self.display = session, folder, display
        self.seconds, self.saved_at = seconds, monotonic()
        self.last_position: State | None = None
        self.last_path: Path | None = None
        self.best: Checkpoint | None = None

    def begin(self, state: State) -> None:
        """Write down what is being run, and a first checkpoint."""
        if self.folder is None:
            return
        session = self.session
        described = {
            "program": session.program.name, "target": session.target, "dtype": session.dtype,
            "threads": session.threads, "session_seed": session.seed, **state["settings"],
            "using": {step.name: step.using for step in session.training.steps},
            "data": state["data"], "examples": state["examples"], "numpy": np.__version__,
        }  # fmt: skip
        self.attempt(lambda folder: folder.describe(session.program.source, described))
        if self.last_path is None:
            self.save(state)

    def save(self, state: State) -> Path | None:
        """Write a checkpoint; None where it could not be, which the user is told."""
        if self.folder is None or state["position"] == self.last_position:
            return self.last_path
        self.saved_at = monotonic()
        checkpoint = Checkpoint(tensors=self.session.memory.views, state=state)
        try:
            if self.best is not None:
                self.folder.store.save_best(self.best)
                self.best = None
            self.last_path = self.folder.store.save(checkpoint, state["position"]["step"])
            self.last_position = state["position"]
        except OSError as fault:
            good = f"last good: {self.last_path}" if self.last_path else "none so far"
            reason = fault.strerror or fault
            self.display.note(f"could not save a checkpoint: {reason}. Training goes on; {good}")
            return None
        return self.last_path

    def save_if_due(self, state: Callable[[], State]) -> None:
        """Write a checkpoint if the last attempt is long enough ago."""
        if self.folder is not None and monotonic() - self.saved_at >= self.seconds:
            self.save(state())

    def mark_best(self, state: State) -> None:
        """Remember the words of the best epoch so far."""
        if self.folder is not None:
            copies = {name: view.copy() for name, view in self.session.memory.views.items()}
            self.best = Checkpoint(tensors=copies, state=state)

    def record(self, row: Row) -> None:
        """Write the row of an epoch."""
        self.attempt(lambda folder: folder.append(row))

    def rewind(self, epoch: int) -> list[Row]:
        """Drop the rows after an epoch, and give those before."""
        self.attempt(lambda folder: folder.rewind(epoch))
        return self.folder.rows() if self.folder is not None else []

    def attempt(self, write: Callable[[RunFolder], None]) -> None:
        """Write, or say why not and go on."""
        if self.folder is None:
            return
        try:
            write(self.folder)
        except OSError as fault:
            self.display.note(f"could not write to {self.folder.path}: {fault.strerror or fault}")

    def newest(self, now: State) -> Checkpoint | None:
        """The newest whole checkpoint, if this run may go on from it."""
        if self.folder is None:
            raise CheckpointError("there is no folder to resume from")
        checkpoint, faults = self.folder.store.newest()
        for line in faults:
            self.display.note(line)
        if checkpoint is None and faults:
            raise CheckpointError(f"no checkpoint in {self.folder.path} is whole")
        if checkpoint is not None:
            require_same(checkpoint.state, now)
            self.last_path = self.folder.store.folder / checkpoint.name
            self.last_position = checkpoint.state["position"]
        return checkpoint


def require_same(then: Mapping[str, Any], now: State) -> None:
    """Refuse to go on with another order of other examples."""
    if "position" not in then:
        raise CheckpointError("this checkpoint is of a model, not of a training run")
    for name in FIXED:
        if then["settings"][name] != now["settings"][name]:
            raise CheckpointError(
                f"the run was started with {name} {then['settings'][name]}, not"
                f" {now['settings'][name]}"
            )
    if then["examples"] != now["examples"]:
        raise CheckpointError(
            f"the run was started on {then['examples']} examples, not {now['examples']}"
        )
