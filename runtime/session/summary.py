"""A training run from outside: how it is begun, and what it comes to.

The trainer knows sessions; so a session, which can be trained, meets it by name.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.ranks.launched import imported

TRAINER = "gradc_runtime.training.trainer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a run ended."""

    rows: list[dict[str, Any]]  # of the metrics, in order
    step: int
    stopped_early: bool
    saved: bool  # False where the last checkpoint, or a row of metrics, could not be written

    @property
    def exit_code(self) -> int:
        """What the command should return."""
        return 0 if self.saved else 1


def run_training(session: Any, data: Any, settings: Any) -> Summary:
    """Train a session on a data set; where the program has imported mpi4py, on all ranks."""
    summary: Summary = import_module(TRAINER).Trainer(
        session, data, settings, ranks=imported()
    ).run()
    return summary
