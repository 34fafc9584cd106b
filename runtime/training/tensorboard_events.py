"""Metrics as TensorBoard reads them: a file of events beside `metrics.csv`, a point an epoch.

`held_out.loss` becomes `loss/held_out` beside `loss/training`, so that TensorBoard draws both under
one heading.  A resumed run says from where its points hold, and those after that are hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradc_runtime.system.errors import SessionError
from gradc_runtime.system.extras import optional
from gradc_runtime.training.display import Display
from gradc_runtime.training.progress import metrics_of

HELD_OUT = "held_out."


class TensorBoardEvents:
    """Tells another display everything, and writes each epoch into the folder of the run."""

    def __init__(self, shown: Display, folder: Path, after: int) -> None:
        """`after` is the last epoch whose points hold.

        Raises `SessionError` where tensorboardX is not installed.
        """
        module = optional("tensorboardX", "--tensorboard", SessionError)
        self.shown = shown
        purge = after + 1 if after else None
        own = f".after-{after}"  # two files of one second would be one
        self.writer = module.SummaryWriter(str(folder), purge_step=purge, filename_suffix=own)

    def start(self, epochs: int, batches: int) -> None:
        """Passed on."""
        self.shown.start(epochs, batches)

    def batch(self, epoch: int, batch: int, found: Mapping[str, float]) -> None:
        """Passed on."""
        self.shown.batch(epoch, batch, found)

    def epoch(self, row: Mapping[str, Any]) -> None:
        """A point for each metric."""
        for name in metrics_of(row):
            self.writer.add_scalar(tag_of(name), row[name], row["epoch"])
        self.writer.flush()
        self.shown.epoch(row)

    def note(self, line: str) -> None:
        """Passed on."""
        self.shown.note(line)

    def finish(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Close the file."""
        self.writer.close()
        self.shown.finish(rows)


def tag_of(name: str) -> str:
    """What a metric is called there."""
    held_out = name.startswith(HELD_OUT)
    return f"{name.removeprefix(HELD_OUT)}/{'held_out' if held_out else 'training'}"
