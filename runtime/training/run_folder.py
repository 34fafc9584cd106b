"""The folder of a run: `spec.nn`, `settings.json`, `metrics.csv`, `metrics.jsonl`, `checkpoints/`.

A row of metrics is written for each epoch.  A resumed run drops the rows after its checkpoint, so
that the files read as if nothing had happened.
"""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Mapping
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import Any

from gradc_runtime.session.checkpoint import NamedTensors, write_atomically
from gradc_runtime.system import folder_lock
from gradc_runtime.system.errors import CheckpointError, SessionError

Row = dict[str, Any]
METRICS = "metrics.jsonl"
NUMBERS = (int, float, type(None))  # None stands for what is not finite
KINDS = {"epoch": (int,), "step": (int,), "seconds": (int, float)}  # that every row has


class RunFolder:
    """Where a run writes what happened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = NamedTensors(path / "checkpoints")
        self.identity = self.found()

    def found(self) -> tuple[int, int] | None:
        """Which folder lies there now."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def is_gone(self) -> bool:
        """Whether the folder that was there lies there no more."""
        return self.identity is not None and self.found() != self.identity

    def make(self) -> None:
        """Make the folder, where it is not there."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.identity = self.found()

    @classmethod
    def new(cls, root: Path, name: str) -> RunFolder:
        """A folder that did not exist: `name`, or else `name-2`, `name-3`, ...

        Raises `SessionError` where none can be made.
        """
        for path in [root / name, *(root / f"{name}-{i}" for i in range(2, 100_000))]:
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as fault:
                raise SessionError(f"cannot make {path}: {fault.strerror}") from None
            return cls(path)
        raise SessionError(f"{root} holds too many runs called {name}")

    @classmethod
    def latest(cls, root: Path, name: str) -> RunFolder:
        """The folder of that name that was written to last.

        Raises `CheckpointError` where there is none.
        """
        numbered = [p for p in root.glob(f"{name}-*") if p.name[len(name) + 1 :].isdigit()]
        runs = [p for p in [root / name, *numbered] if cls(p).is_run()]
        found = [p for p in runs if (p / "settings.json").is_file()] or runs
        if not found:
            raise CheckpointError(f"there is no run called {name} in {root} to resume")
        return cls(max(found, key=lambda p: p.stat().st_mtime))

    def is_run(self) -> bool:
        """Whether a run began here; one killed at once may not have written anything yet."""
        early = {"spec.nn", "command.json", "checkpoints", folder_lock.NAME}
        if not self.path.is_dir():
            return False
        return (self.path / "settings.json").is_file() or early.issuperset(
            p.name for p in self.path.iterdir()
        )

    def describe(self, spec: str, settings: Mapping[str, Any]) -> None:
        """Write down what is being run."""
        write_atomically(self.path / "spec.nn", spec.encode())
        text = json.dumps(settings, indent=2, default=str) + "\n"
        write_atomically(self.path / "settings.json", text.encode())

    def settings(self) -> dict[str, Any]:
        """What was written down of the run; nothing where that cannot be read."""
        try:
            found = json.loads((self.path / "settings.json").read_text())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def rows(self) -> list[Row]:
        """The rows that can be read, in the order of their epochs; damaged ones are left out."""
        path, rows = self.path / METRICS, list[Row]()
        for text in path.read_bytes().split(b"\n") if path.is_file() else ():
            row = parsed(text)
            if row is not None and row["epoch"] > (rows[-1]["epoch"] if rows else 0):
                rows.append(row)
        return rows

    def write(self, rows: list[Row]) -> None:
        """Write both files anew."""
        lines = "".join(map(line, rows))
        write_atomically(self.path / METRICS, lines.encode())
        write_atomically(self.path / "metrics.csv", table(rows, header=True).encode())

    def append(self, row: Row) -> None:
        """Add the row of an epoch to both files."""
        values = self.path / "metrics.csv"
        first = not values.is_file() or values.stat().st_size == 0
        extend(self.path / METRICS, line(row))
        extend(values, table([row], header=first))


def extend(path: Path, text: str) -> None:
    """Add whole lines to a file, behind whatever a crash left there; or raise, and add nothing.

    Raises `OSError` where the disk is full or refuses.
    """
    with path.open("ab+", buffering=0) as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(end - 1, 0))
        data = (b"\n" if end and stream.read(1) != b"\n" else b"") + text.encode()
        try:
            if stream.write(data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError:
            os.truncate(path, end)
            raise


def parsed(text: bytes) -> Row | None:
    """The row in a line; None where the line is damaged."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return None
    fits = isinstance(row, dict) and all(
        type(row.get(name)) in kinds for name, kinds in KINDS.items()
    )
    numbers = fits and all(type(value) in NUMBERS for value in row.values())
    return row if numbers else None


def line(row: Row) -> str:
    """A row as a line of JSON, which has no word for NaN and infinity."""
    finite = {k: v if not isinstance(v, float) or isfinite(v) else None for k, v in row.items()}
    return json.dumps(finite) + "\n"


def table(rows: list[Row], *, header: bool) -> str:
    """Rows as lines of comma-separated values."""
    stream = StringIO()
    if rows:
        names = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(stream, list(names), lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(rows)
    return stream.getvalue()
