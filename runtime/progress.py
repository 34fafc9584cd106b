"""What a person sees while a network trains: all of it on standard error.

On a terminal a bar moves with every call; elsewhere each epoch is one plain line.  Both end with a
table of the epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from time import monotonic
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from runtime.display import Display, Silent

MOST_LINES = 100  # lines of epochs on a plain output
MOST_ROWS = 20  # rows of the table at the end
WORTH_TELLING = 5.0  # seconds to go, from which on they are told


class Plain(Silent):
    """A line for each epoch (or for every so many, in a long run), and a table."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.every, self.epochs = 1, 0
        self.started, self.seen = monotonic(), 0

    def start(self, epochs: int, batches: int) -> None:
        """Decide how often to speak."""
        self.epochs, self.every = epochs, ceil(epochs / MOST_LINES) or 1
        self.started, self.seen = monotonic(), 0

    def epoch(self, row: Mapping[str, Any]) -> None:
        """One line."""
        self.seen += 1
        if row["epoch"] % self.every == 0 or row["epoch"] == self.epochs:
            numbers = "  ".join(f"{name} {shown(row[name])}" for name in metrics_of(row))
            left = self.left(row["epoch"])
            self.line(f"epoch {row['epoch']}/{self.epochs}  {numbers}{left and '  '}{left}")

    def left(self, epoch: int) -> str:
        """How long the epochs after this one will take, at the pace so far; "" for a moment."""
        seconds = (monotonic() - self.started) / max(self.seen, 1) * (self.epochs - epoch)
        return f"{duration(seconds)} left" if seconds >= WORTH_TELLING else ""

    def note(self, line: str) -> None:
        """One line."""
        self.line(line)

    def line(self, text: str) -> None:
        """Print without wrapping or markup."""
        self.console.print(text, soft_wrap=True, markup=False, highlight=False)

    def finish(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The table of the epochs."""
        if rows:
            self.console.print(table_of(rows))


class Live(Plain):
    """A bar that moves, and a table at the end."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        columns = (
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        self.bars = Progress(*columns, console=self.console, transient=True)
        self.bar = self.bars.add_task("", total=None, epoch=0, epochs=0)
        self.last = ""

    def start(self, epochs: int, batches: int) -> None:
        """Show the bar."""
        super().start(epochs, batches)
        self.bars.update(self.bar, total=batches, epochs=epochs)
        self.bars.start()

    def batch(self, epoch: int, batch: int, found: Mapping[str, float]) -> None:
        """Move the bar."""
        numbers = "  ".join(f"{name} {shown(value)}" for name, value in found.items())
        self.bars.update(
            self.bar, completed=batch, epoch=epoch, description=escape(f"{numbers}  {self.last}")
        )

    def epoch(self, row: Mapping[str, Any]) -> None:
        """Remember how the held-out examples did, and how long it will still take."""
        self.seen += 1
        held_out = [name for name in metrics_of(row) if name.startswith("held_out.")]
        told = [*(f"{name} {shown(row[name])}" for name in held_out), self.left(row["epoch"])]
        self.last = "  ".join(told)

    def finish(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take the bar away and show the table."""
        self.bars.stop()
        super().finish(rows)


def display(console: Console | None = None) -> Display:
    """The display that suits where standard error goes."""
    console = console or Console(stderr=True)
    return Live(console) if console.is_terminal else Plain(console)


def metrics_of(row: Mapping[str, Any]) -> list[str]:
    """The names in a row that are losses or reports."""
    return [name for name in row if name not in ("epoch", "step", "seconds")]


def shown(value: Any) -> str:
    """A number for people."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """A time for people: `12 s`, `3 min`, `2 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def table_of(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The epochs as a table; a long run shows its last ones."""
    table = Table(title=None if len(rows) <= MOST_ROWS else f"the last {MOST_ROWS} epochs")
    for name in rows[-1]:
        table.add_column(name.replace(".", "\n"), justify="right", overflow="fold")
    for row in rows[-MOST_ROWS:]:
        table.add_row(*(shown(row.get(name, "")) for name in rows[-1]))
    return table
