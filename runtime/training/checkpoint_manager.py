"""When a run writes to its folder, and what happens when it cannot.

A checkpoint is written at the beginning, every so many seconds, on a signal, and at the end; the
best epoch is kept in memory and written together with the next one.  A full disk does not end a
run: the user is told, and the next attempt comes in its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc_runtime.session.checkpoint import Checkpoint
from gradc_runtime.system.errors import CheckpointError
from gradc_runtime.training.display import Display
from gradc_runtime.training.position import require_same
from gradc_runtime.training.run_folder import METRICS, Row, RunFolder
from gradc_runtime.training.run_history import history_with

if TYPE_CHECKING:
    from gradc_runtime.session.session import Session

State = dict[str, Any]


class CheckpointManager:
    """Writes what a run has to keep; does nothing where there is no folder."""

    def __init__(
        self, session: Session, folder: RunFolder | None, display: Display, seconds: float
    ) -> None:
        self.session, self.folder, self.display = session, folder, display
        self.seconds, self.saved_at = seconds, monotonic()
        self.last_position: State | None = None
        self.last_path: Path | None = None
        self.best: Checkpoint | None = None
        self.rows: list[Row] = []
        self.written = 0  # rows that are in the files
        self.missing = 0  # rows that were damaged when the run went on
        self.described: State = {}

    def begin(self, state: State) -> None:
        """Write down what is being run, and a first checkpoint."""
        if self.folder is None:
            return
        session = self.session
        self.described = {
            "program": session.program.name, "target": session.target, "dtype": session.dtype,
            "precision": session.program.precision,
            "threads": session.threads, "session_seed": session.seed, **state["settings"],
            "using": {step.name: step.using for step in session.training.steps},
            "data": state["data"], "examples": state["examples"], "numpy": np.__version__,
        }  # fmt: skip
        self.described["history"] = history_with(
            self.folder.settings(), self.described, state["position"]
        )
        self.attempt(self.describe)
        if self.last_path is None:
            self.save(state)

    def describe(self, folder: RunFolder) -> None:
        """Write down what is being run."""
        folder.describe(self.session.program.source, self.described)

    def look_after(self) -> None:
        """If somebody has moved the folder away, make a new one of its name, and say so."""
        folder = self.folder
        if folder is not None and folder.is_gone():
            self.display.note(f"{folder.path} was moved or deleted; what follows is in a new one")
            self.written, self.last_position = 0, None
            self.attempt(RunFolder.make)
            self.attempt(self.describe)

    def save(self, state: State) -> Path | None:
        """Write a checkpoint; None where it could not be, which the user is told."""
        if self.folder is None or state["position"] == self.last_position:
            return self.last_path
        self.saved_at = monotonic()
        self.look_after()
        checkpoint = Checkpoint(tensors=self.session.tables.saved(), state=state)
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
        """Keep a copy of the session's words, as this epoch is the best so far."""
        if self.folder is not None:
            copies = {name: view.copy() for name, view in self.session.tables.saved().items()}
            self.best = Checkpoint(tensors=copies, state=state)

    def record(self, row: Row) -> None:
        """Write the row of an epoch, and those before it that could not be written."""
        self.rows.append(row)
        self.look_after()
        self.attempt(self.append)

    def append(self, folder: RunFolder) -> None:
        """Write the rows that the folder does not have."""
        while self.written < len(self.rows):
            folder.append(self.rows[self.written])
            self.written += 1

    def lost(self) -> bool:
        """Whether rows are missing at the end, after one more attempt."""
        if self.written < len(self.rows):
            self.attempt(self.append)
        return self.missing + len(self.rows) - self.written > 0

    def rewind(self, epoch: int) -> list[Row]:
        """Drop the rows after an epoch and return those before it; tell of damaged rows."""
        if self.folder is None:
            return []
        self.rows = [row for row in self.folder.rows() if row["epoch"] <= epoch]
        self.written, self.missing = len(self.rows), epoch - len(self.rows)
        if self.missing:
            lack = f"lacks {self.missing} of {epoch} epochs, whose rows were damaged or lost"
            self.display.note(f"{self.folder.path / METRICS} {lack}")
        self.attempt(lambda folder: folder.write(self.rows))
        return list(self.rows)

    def attempt(self, write: Callable[[RunFolder], None]) -> None:
        """Write, or say why not and go on."""
        if self.folder is None:
            return
        try:
            write(self.folder)
        except OSError as fault:
            self.display.note(f"could not write to {self.folder.path}: {fault.strerror or fault}")

    def newest(self, now: State) -> Checkpoint | None:
        """The newest whole checkpoint, if this run may go on from it.

        Raises `CheckpointError` where there is none, or it is of another run.
        """
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
