"""What a person sees while a network trains: all of it on standard error.

On a terminal a bar moves with every call; elsewhere each epoch is one plain line.  Both end with a
table of the epochs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from time import monotonic
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from gradc_runtime.system.quiet_threads import start_quietly
from gradc_runtime.training.display import Display, Silent

MOST_LINES = 100  # lines of epochs on a plain output
MOST_ROWS = 20  # rows of the table at the end
BAR = 12  # characters
WORTH_TELLING = 5.0  # seconds to go, from which on they are told


class Plain(Silent):
    """A line for each epoch (or for every so many, in a long run), and a table."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.every, self.epochs = 1, 0
        self.started, self.seen = monotonic(), 0
        self.first = self.started  # when the first epoch was over

    def start(self, epochs: int, batches: int) -> None:
        """Decide how often to speak."""
        self.epochs, self.every = epochs, ceil(epochs / MOST_LINES) or 1
        self.started, self.seen = monotonic(), 0

    def epoch(self, row: Mapping[str, Any]) -> None:
        """One line."""
        self.count()
        if row["epoch"] % self.every == 0 or row["epoch"] == self.epochs:
            numbers = "  ".join(f"{name} {shown(row[name])}" for name in metrics_of(row))
            left = self.left(row["epoch"])
            self.line(f"epoch {row['epoch']}/{self.epochs}  {numbers}{left and '  '}{left}")

    def count(self) -> None:
        """One more epoch is over."""
        self.seen += 1
        if self.seen == 1:
            self.first = monotonic()

    def left(self, epoch: int) -> str:
        """How long the epochs after this one will take, at the pace so far; "" for a moment."""
        if self.seen > 1:  # the first epoch also builds what the others find
            pace = (monotonic() - self.first) / (self.seen - 1)
        else:
            pace = monotonic() - self.started
        seconds = pace * (self.epochs - epoch)
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
            self.console.print(table_of(rows, self.console.width))


class Live(Plain):
    """A bar that moves, and a table at the end."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        numbers = Column(ratio=1, no_wrap=True, overflow="ellipsis")  # have what room is left
        columns = (
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(BAR),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", table_column=numbers),
        )
        self.bars = Progress(*columns, console=self.console, transient=True, expand=True)
        self.bar = self.bars.add_task("", total=None, epoch=0, epochs=0)
        self.last = ""

    def start(self, epochs: int, batches: int) -> None:
        """Show the bar."""
        super().start(epochs, batches)
        self.bars.update(self.bar, total=batches, epochs=epochs)
        start_quietly(self.bars.start)

    def batch(self, epoch: int, batch: int, found: Mapping[str, float]) -> None:
        """Move the bar."""
        numbers = "  ".join(f"{name} {shown(value)}" for name, value in found.items())
        self.bars.update(
            self.bar, completed=batch, epoch=epoch, description=escape(f"{numbers}  {self.last}")
        )

    def epoch(self, row: Mapping[str, Any]) -> None:
        """Remember how the held-out examples did, and how long it will still take."""
        self.count()
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
    """A time for people: `0.34 s`, `12 s`, `3 min`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def table_of(rows: Sequence[Mapping[str, Any]], width: int) -> Table:
    """The last epochs as a table, a line each; where that is too wide, a column each."""
    names, last = list(rows[-1]), rows[-MOST_ROWS:]
    epochs = [[shown(row.get(name, "")) for name in names] for row in last]
    lines = [[name.replace(".", "\n") for name in names], *epochs]
    if width_of(zip(*lines, strict=True)) > width:
        while len(epochs) > 1 and width_of([names, *epochs]) > width:
            del epochs[0]
        lines = [list(line) for line in zip(names, *epochs, strict=True)]
    few = "epoch" if len(epochs) == 1 else f"{len(epochs)} epochs"
    table = Table(title=f"the last {few}" if len(epochs) < len(rows) else None)
    for name in lines[0]:
        table.add_column(name, justify="right", overflow="fold")
    for line in lines[1:]:
        table.add_row(*line)
    return table


def width_of(columns: Iterable[Sequence[str]]) -> int:
    """The cells that columns take, with their borders."""
    parts = ((part for text in column for part in text.split("\n")) for column in columns)
    return 1 + sum(3 + max(map(len, texts)) for texts in parts)
