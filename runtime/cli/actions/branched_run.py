"""Going on from a checkpoint that is not the last: `--resume RUN/checkpoints/best.safetensors`.

The run keeps what it has: a new one begins where the checkpoint was made, with its rows up to
there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from gradc_runtime.cli.actions.output import say
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.checkpoint import read_checkpoint
from gradc_runtime.training.position import is_count
from gradc_runtime.training.run_folder import RunFolder

COPIED = ("spec.nn", "command.json", "settings.json")


def branched(file: Path, out: Path, called: str | None = None) -> RunFolder:
    """A new run, of its own name if it has one, that stands where a run wrote a checkpoint.

    Raises `Refused` for a file that is no checkpoint of a run, `CheckpointError` for a damaged one.
    """
    run = RunFolder(file.parent.parent)
    if file.parent.name != "checkpoints" or not run.is_run():
        raise Refused(f"{file} is not a checkpoint in the folder of a run; --weights takes others")
    checkpoint = read_checkpoint(file)
    position = checkpoint.state.get("position")
    at = position if isinstance(position, dict) else {}
    if not is_count(at.get("epoch")) or not is_count(at.get("step")):
        raise Refused(f"{file} does not say where the run stood; --weights takes its numbers")
    name = run.path.name.rpartition("-")
    stem = name[0] if name[0] and name[2].isdigit() else run.path.name
    folder = RunFolder.new(out, called or stem)
    for copied in COPIED:
        if (run.path / copied).is_file():
            shutil.copyfile(run.path / copied, folder.path / copied)
    folder.write([row for row in run.rows() if row["epoch"] <= at["epoch"]])
    folder.store.save(checkpoint, at["step"])
    say(f"goes on from epoch {at['epoch']} of {run.path}, as {folder.path}")
    return folder
