"""The weights of a command that names none: those of the last run of its spec."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradc_compiler.syntax.parse.read_file import STANDARD_INPUT
from gradc_runtime.cli.actions.output import say
from gradc_runtime.cli.faults import Refused
from gradc_runtime.system.errors import CheckpointError
from gradc_runtime.training.run_folder import RunFolder

RUNS = Path("runs")


def last_run(spec: Path) -> Path | None:
    """The folder of the last run that is called as the spec is and has a checkpoint."""
    try:
        folder = RunFolder.latest(RUNS, "stdin" if spec == STANDARD_INPUT else spec.stem)
    except CheckpointError:
        return None
    return folder.path if folder.store.paths() else None


def with_last_run(spec: Path, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options, with the last run as `--weights` where that is not given; which is said.

    Raises `Refused` where there is no such run.
    """
    if given["weights"] is not None:
        return given
    if (run := last_run(spec)) is None:
        raise Refused(
            f"no run of {spec.stem} is in {RUNS}: train first (gradc train {spec}), or name"
            " --weights"
        )
    say(f"weights of {run}, the last run of {spec.stem}")
    return {**given, "weights": run}


def note_untrained(spec: Path, given: Mapping[str, Any]) -> None:
    """Say so where no weights are given, and where those of the last run are."""
    if given["weights"] is None:
        run = last_run(spec)
        where = "" if run is None else f"; those of its last run are --weights {run}"
        say(f"note: no --weights are given, so this is the network before training{where}")
