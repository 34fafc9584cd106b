"""The folder of a run: `spec.nn`, `settings.json`, `metrics.csv`, `metrics.jsonl`, `checkpoints/`.

A row of metrics is written for each epoch.  A resumed run drops the rows after its checkpoint, so
that the files read as if nothing had happened.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import Any

from runtime.checkpoint import Store, write_atomically
from runtime.errors import CheckpointError, SessionError

Row = dict[str, Any]


class RunFolder:
    """Where a run writes what happened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path / "checkpoints")

    @classmethod
    def new(cls, root: Path, name: str) -> RunFolder:
        """A folder that did not exist: `name`, or else `name-2`, `name-3`, ..."""
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
        """The folder of that name that was written to last."""
        numbered = [p for p in root.glob(f"{name}-*") if p.name[len(name) + 1 :].isdigit()]
        runs = [p for p in [root / name, *numbered] if cls(p).is_run()]
        found = [p for p in runs if (p / "settings.json").is_file()] or runs
        if not found:
            raise CheckpointError(f"there is no run called {name} in {root} to resume")
        return cls(max(found, key=lambda p: p.stat().st_mtime))

    def is_run(self) -> bool:
        """Whether a run began here; one killed at once may not have written anything yet."""
        early = {"spec.nn", "command.json", "checkpoints"}
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

    def rows(self) -> list[Row]:
        """The rows so far; a last line cut off by a crash is left out."""
        path, rows = self.path / "metrics.jsonl", []
        lines = path.read_text().splitlines() if path.is_file() else []
        for text in lines:
            try:
                rows.append(json.loads(text))
            except ValueError:
                break
        return rows

    def rewind(self, epoch: int) -> None:
        """Keep the rows of the epochs before this one."""
        self.write([row for row in self.rows() if row["epoch"] <= epoch])

    def write(self, rows: list[Row]) -> None:
        """Write both files anew."""
        lines = "".join(map(line, rows))
        write_atomically(self.path / "metrics.jsonl", lines.encode())
        write_atomically(self.path / "metrics.csv", table(rows, header=True).encode())

    def append(self, row: Row) -> None:
        """Add the row of an epoch to both files."""
        values = self.path / "metrics.csv"
        first = not values.is_file() or values.stat().st_size == 0
        with (self.path / "metrics.jsonl").open("a") as stream:
            stream.write(line(row))
        with values.open("a") as stream:
            stream.write(table([row], header=first))


def line(row: Row) -> str:
    """A row as a line of JSON, which has no word for NaN and infinity."""
    finite = {k: v if not isinstance(v, float) or isfinite(v) else None for k, v in row.items()}
    return json.dumps(finite) + "\n"


def table(rows: list[Row], *, header: bool) -> str:
    """Rows as lines of comma-separated values."""
    stream = StringIO()
    if rows:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(rows)
    return stream.getvalue()
