"""A training run from outside: how it is begun, and what it comes to.

The trainer, the progress display and the pictures of a run import sessions.  So a session, which
starts the trainer, imports those modules by name when it needs them: no circle arises.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from gradc_compiler.program.notebook_table import notebook_table
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.ranks.launched import imported
from gradc_runtime.system.errors import SessionError
from gradc_runtime.system.extras import optional

TRAINER = "gradc_runtime.training.trainer"
PROGRESS = "gradc_runtime.training.progress"
CURVES = "gradc_runtime.training.curves"
LAST = 20  # epochs that a notebook shows


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a run measured, epoch by epoch, and how it ended."""

    rows: list[dict[str, Any]]  # of the metrics, in order
    step: int
    stopped_early: bool
    saved: bool  # False where the last checkpoint, or a row of metrics, could not be written

    @property
    def exit_code(self) -> int:
        """The exit code of the command that ran this training."""
        return 0 if self.saved else 1

    @property
    def names(self) -> list[str]:
        """What was measured: `epoch`, `step`, `seconds`, then losses and reports."""
        return list(self.rows[-1]) if self.rows else []

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> list[Any]:
        """A loss, a report or a counter, one value an epoch: `history["held_out.loss"]`.

        Raises `KeyError` where nothing measured has the name.
        """
        if name not in self.names:
            raise KeyError(f"nothing measured is called {name}; there are {', '.join(self.names)}")
        return [row.get(name) for row in self.rows]

    def frame(self) -> Any:
        """The epochs as a pandas `DataFrame`, a row each; `SessionError` without pandas."""
        pandas = optional("pandas", "a data frame", SessionError)
        return pandas.DataFrame(self.rows).set_index("epoch") if self.rows else pandas.DataFrame()

    def plot(self, path: str | Path | None = None) -> Any:
        """The curves, as a matplotlib `Figure` and, with a path, in a file as well.

        Raises `SessionError` without matplotlib, and where there is no epoch to draw.
        """
        optional("matplotlib", "a plot", SessionError)
        if not self.rows:
            raise SessionError("there is nothing to plot: no epoch has been trained")
        curves = import_module(CURVES)
        figure = curves.figure_of(self.rows)
        if path is not None:
            figure.savefig(path, dpi=curves.DPI)
        return figure

    def __repr__(self) -> str:
        return f"<History: {self._told()}>"

    def _told(self) -> str:
        """One line that says how the run ended."""
        show, row = import_module(PROGRESS).shown, self.rows[-1] if self.rows else {}
        metrics = [name for name in self.names if name not in ("epoch", "step", "seconds")]
        count = f"{len(self.rows)} epoch{'s' * (len(self.rows) != 1)}"
        early = ", stopped early" if self.stopped_early else ""
        return ", ".join([f"{count}{early}", *(f"{name} {show(row[name])}" for name in metrics)])

    def _repr_html_(self) -> str:
        """The last epochs as a table, in a notebook."""
        shown = [[row.get(name, "") for name in self.names] for row in self.rows[-LAST:]]
        return notebook_table(f"History: {self._told()}", self.names, shown)


def run_training(session: Any, data: Any, settings: Any, *, quiet: bool) -> History:
    """Train a session on a data set; where the program has imported mpi4py, on all ranks."""
    ranks = imported()
    silent = quiet or not (ranks is None or ranks.first)
    display = None if silent else import_module(PROGRESS).display()
    made = import_module(TRAINER).Trainer(session, data, settings, ranks=ranks, display=display)
    history: History = made.run()
    return history
