"""Checkpoints: everything a run needs to go on to the bit, in one safetensors file.

The tensors are the session's persistents by name: parameters, optimiser and layer state, counters.
The position in the data (epoch, batch, sums so far) is a JSON text in the file's metadata, beside a
SHA-256 of all of it, so that a file proves by itself that it is whole.  A file is written under
another name, flushed to the disk and only then renamed: a crash leaves the old one or the new one.
A file is data: nothing in it is ever executed, and names, kinds and shapes must be the model's.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import CheckpointError
from gradc_runtime.system.files import opened, require_memory

FORMAT = 1
LARGEST_HEADER = 1 << 24  # bytes
SPARE = 1 << 20  # bytes that a disk should have left over
KEPT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Tensors by name, and where the run stood."""

    tensors: Mapping[str, np.ndarray]
    state: Mapping[str, Any]
    name: str = "checkpoint"

    def to_bytes(self) -> bytes:
        """The checkpoint as the bytes of a safetensors file."""
        state = json.dumps({"format": FORMAT, **self.state}, sort_keys=True)
        metadata = {"state": state, "sha256": digest(self.tensors, state)}
        data: bytes = save({name: array.copy() for name, array in self.tensors.items()}, metadata)
        return data

    def copy_into(self, views: Mapping[str, np.ndarray]) -> None:
        """Copy the tensors to where a session keeps them, once all of them are known to fit.

        Raises `CheckpointError` where a name, a type or a shape differs.
        """
        for name, view in views.items():
            if name not in self.tensors:
                raise CheckpointError(f"{self.name} does not fit: it lacks {name}")
            found = self.tensors[name]
            stored = found.dtype == np.float16 and view.dtype.kind == "f"
            if found.shape != view.shape or not (stored or found.dtype == view.dtype):
                raise CheckpointError(
                    f"{self.name} does not fit: {name} is {found.dtype} {list(found.shape)},"
                    f" model wants {view.dtype} {list(view.shape)}"
                )
        if extra := sorted(set(self.tensors) - set(views)):
            raise CheckpointError(f"{self.name} does not fit: the model has no {extra[0]}")
        for name, view in views.items():
            view[...] = self.tensors[name]


def digest(tensors: Mapping[str, np.ndarray], state: str) -> str:
    """SHA-256 of every name, kind, shape and number, and of the state."""
    result = hashlib.sha256(state.encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        result.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        result.update(array.data)
    return result.hexdigest()


def read_checkpoint(path: Path) -> Checkpoint:
    """A checkpoint that has proved to be whole.

    Raises `CheckpointError` where the file cannot be read or is damaged.
    """
    try:
        with opened(path) as stream:
            require_memory(3 * os.fstat(stream.fileno()).st_size, path.name)
            return from_bytes(stream.read(), path.name)
    except OSError as fault:
        raise CheckpointError(f"cannot read {path}: {fault.strerror}") from None


def from_bytes(data: bytes, name: str) -> Checkpoint:
    """The checkpoint in a file's contents; `CheckpointError` on any doubt."""
    try:
        length = int.from_bytes(data[:8], "little")
        if length > min(LARGEST_HEADER, len(data)):
            raise ValueError("it is cut off")
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        tensors, state = load(data), metadata["state"]
        if digest(tensors, state) != metadata["sha256"]:
            raise ValueError("its contents do not match their checksum")
        position = json.loads(state)
        if not isinstance(position, dict):
            raise ValueError("its state is none")
        if position.pop("format") != FORMAT:
            raise ValueError("it is of another format")
    except (ValueError, LookupError, TypeError, RecursionError, SafetensorError) as fault:
        reason = str(fault).partition("\n")[0][:100]
        raise CheckpointError(f"{name} is damaged or not a checkpoint ({reason})") from None
    return Checkpoint(tensors=tensors, state=position, name=name)


def write_atomically(path: Path, data: bytes) -> None:
    """Put a file in place whole, on the disk, or raise `OSError` and leave nothing behind.

    Who may read it stays what it was; a new file is what the umask makes it.
    """
    free = shutil.disk_usage(path.parent).free
    if free < len(data) + SPARE:
        reason = f"disk full (needs {len(data) / 1e6:.1f} MB, {free / 1e6:.1f} MB free)"
        raise OSError(errno.ENOSPC, reason, str(path))
    temporary = path.parent / f".{token_hex(8)}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            with suppress(FileNotFoundError):
                os.fchmod(handle, stat.S_IMODE(path.stat().st_mode))
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        flush_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def flush_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class NamedTensors:
    """The checkpoints of a run: the last few, and the best."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, checkpoint: Checkpoint, step: int) -> Path:
        """Write the checkpoint of a step, and delete all but the last few."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:010d}.safetensors"
        write_atomically(path, checkpoint.to_bytes())
        for old in self.paths()[KEPT:]:
            old.unlink(missing_ok=True)
        for left in self.folder.glob(".*.tmp"):  # left by a process that was killed while it wrote
            left.unlink(missing_ok=True)
        return path

    def save_best(self, checkpoint: Checkpoint) -> Path:
        """Write the best checkpoint over the previous best."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.best, checkpoint.to_bytes())
        return self.best

    @property
    def best(self) -> Path:
        """The path of the best checkpoint, whether or not there is one yet."""
        return self.folder / "best.safetensors"

    def paths(self) -> list[Path]:
        """The files of the last few checkpoints, newest first."""
        return sorted(self.folder.glob("step-*.safetensors"), reverse=True)

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest checkpoint that is whole, and why each newer one was passed over."""
        faults: list[str] = []
        for path in self.paths():
            try:
                return read_checkpoint(path), faults
            except CheckpointError as fault:
                faults.append(str(fault))
        return None, faults
