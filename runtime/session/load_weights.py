"""Numbers from files into a session: a checkpoint as a whole, or what fits of any file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from gradc_compiler.graph_tools.flattened_images import flattened_images
from gradc_compiler.program.program import Program
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.checkpoint import NamedTensors, read_checkpoint
from gradc_runtime.session.schedule_tables import Tables
from gradc_runtime.session.state import StateMemory
from gradc_runtime.system.errors import CheckpointError, DataError, RunError, SessionError
from gradc_runtime.weights.report import LoadReport, Taken
from gradc_runtime.weights.stored import TensorFile
from gradc_runtime.weights.take_over import Network, take_over
from gradc_runtime.weights.tensor_file import read_tensors

Names = str | Sequence[str] | None  # of layers, models or parameters
COMMAND = "command.json"  # of a run, beside its checkpoints
DIGEST = "sha256"  # which a checkpoint has of itself


def checkpoint_of(path: Path) -> tuple[Path, Encoding | None]:
    """The file itself, or of a run's folder its newest checkpoint and what its numbers stand for.

    Raises `CheckpointError` for another folder, or where the run's command is damaged.
    """
    if not path.is_dir():
        return path, None
    found = NamedTensors(path / "checkpoints").paths()
    if not found:
        raise CheckpointError(f"{path} is a folder, and no run left a checkpoint in it")
    try:
        said = json.loads((path / COMMAND).read_text()).get("encoding")
        return found[0], None if said is None else Encoding.of_data(said)
    except FileNotFoundError:
        return found[0], None
    except (OSError, ValueError, AttributeError) as fault:
        raise CheckpointError(f"{path / COMMAND} is damaged ({fault})") from None


def load_into(
    program: Program, tables: Tables, path: Path, only: Names,
    rename: Mapping[str, str] | None,
) -> LoadReport:  # fmt: skip
    """A whole checkpoint with all that trains, where nothing is said; else what fits.

    Raises `CheckpointError` where the file does not fit, `DataError` where it is damaged.
    Raises `SessionError` for arguments of another kind.
    """
    names = (only,) if isinstance(only, str) else only
    if not (names is None or are_names(names)) or not (rename is None or is_renaming(rename)):
        raise SessionError("only= has names of layers, rename= a dict from names to names")
    file = of_other_origin(path) if names is None and not rename else read_tensors(path)
    if file is None:
        checkpoint = read_checkpoint(path)
        tables.restore(checkpoint)
        taken = tuple(Taken(name=name, source=name) for name in checkpoint.tensors)
        return LoadReport(file=path.name, taken=taken, skipped=(), missing=(), unused=())
    return take_over(network_of(program, tables.memory), file, names, rename or {})


def are_names(given: object) -> bool:
    """Whether this is a list of names, at least one."""
    if not isinstance(given, Sequence) or len(given) == 0:
        return False
    return all(isinstance(name, str) for name in given)


def is_renaming(given: object) -> bool:
    """Whether this is a dict from names to names."""
    if not isinstance(given, Mapping):
        return False
    return all(isinstance(name, str) for pair in given.items() for name in pair)


def of_other_origin(path: Path) -> TensorFile | None:
    """The tensors of a file that is no checkpoint; None for one that is, or is damaged."""
    try:
        file = read_tensors(path)
    except DataError:
        if path.suffix == ".safetensors":
            return None  # which reading it as a checkpoint explains
        raise
    except RunError:
        return None
    return None if DIGEST in file.metadata else file


def network_of(program: Program, memory: StateMemory) -> Network:
    """What of a session a file may have."""
    known = {} if program.checks is None else program.checks.graphs
    return Network(
        views=memory.views,
        persistents=memory.persistents,
        images=flattened_images(known[e] for e in program.models.values() if e in known),
    )
