"""What `gradc train --watch gradients` shows at the end: a table, and a picture with matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path

from runtime.cli.actions.output import console, say, table
from runtime.watch import FILE, Gradient

MOST, ENDS = 24, 6  # parameters of a step in the table; of a longer one, how many at each end
PICTURE = "gradients.png"
Line = tuple[Gradient, Gradient]  # of one parameter, in the first epoch and in the last


def show(seen: Sequence[Gradient], folder: Path) -> None:
    """The table on standard error, and the picture beside the run."""
    if not seen:
        return
    rows = [row for lines in by_step(seen) for row in step_rows(lines)]
    ends = [f"epoch {gradient.epoch}" for gradient in (seen[0], seen[-1])]
    columns = [f"{what}, {end}" for what in ("norm", "zeros") for end in ends]
    found = table(["step", "parameter", *columns], rows)
    for column in found.columns[2:]:
        column.justify = "right"
    console(stderr=True).print(found)
    say(f"every epoch: {folder / FILE}{drawn(seen, folder / PICTURE)}")


def by_step(seen: Sequence[Gradient]) -> Iterable[list[Line]]:
    """For each step, its parameters in the first epoch and in the last."""
    begin = {(g.step, g.parameter): g for g in reversed(seen)}
    end = {(g.step, g.parameter): g for g in seen}
    lines = [(begin[key], end[key]) for key in end]
    for _, found in groupby(lines, lambda line: line[0].step):
        yield list(found)


def step_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """A row for each parameter; of very many, those at both ends."""
    rows: list[tuple[str, ...]] = [
        (first.step, first.parameter, f"{first.norm:.3g}", f"{last.norm:.3g}",
         f"{first.zeros:.0%}", f"{last.zeros:.0%}")
        for first, last in lines
    ]  # fmt: skip
    if len(rows) <= MOST:
        return rows
    between = (rows[0][0], f"... {len(rows) - 2 * ENDS} more", "", "", "", "")
    return [*rows[:ENDS], between, *rows[-ENDS:]]


def drawn(seen: Sequence[Gradient], path: Path) -> str:
    """Where the picture is; nothing where matplotlib is not installed."""
    try:
        plot = import_module("runtime.cli.actions.plot")
    except ModuleNotFoundError:
        return ""
    plot.gradients(seen, path)
    return f", and as a picture {path}"
