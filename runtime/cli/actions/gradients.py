"""What `gradc train --watch gradients` shows at the end: tables, and pictures with matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from gradc_runtime.cli.actions.output import console, say, table
from gradc_runtime.training.gradient_monitor import (
    FILE,
    FILE_OVER_TIME,
    Gradient,
    GradientMonitor,
    StateGradient,
)

MOST, ENDS = 24, 6  # parameters of a step in the table; of a longer one, how many at each end
PICTURE, PICTURE_OVER_TIME = "gradients.png", "gradients_over_time.png"
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the longest sequence, from its end
Line = tuple[Gradient, Gradient]  # of one parameter, in the first epoch and in the last


def show(watch: GradientMonitor, folder: Path) -> None:
    """The tables on standard error, and the pictures beside the run."""
    if watch.parameters.seen:
        show_parameters(watch.parameters.seen, folder)
    if watch.states.seen:
        show_states(watch.states.seen, folder)


def show_parameters(seen: Sequence[Gradient], folder: Path) -> None:
    """How long each parameter's gradient was at first and at last, and how much of it 0."""
    rows = [row for lines in by_step(seen) for row in step_rows(lines)]
    ends = [f"epoch {gradient.epoch}" for gradient in (seen[0], seen[-1])]
    columns = [f"{what}, {end}" for what in ("norm", "zeros") for end in ends]
    found = table(["step", "parameter", *columns], rows)
    for column in found.columns[2:]:
        column.justify = "right"
    console(stderr=True).print(found)
    picture = drawn(folder / PICTURE, lambda plot, path: plot.gradients(seen, path))
    say(f"every epoch: {folder / FILE}{picture}")


def show_states(seen: Sequence[StateGradient], folder: Path) -> None:
    """How long each state's gradient was at the end of time, on the way back and at its beginning,
    at first and at last.
    """
    ends = sorted({seen[0].epoch, seen[-1].epoch})
    rows = [row for epoch in ends for row in state_rows([g for g in seen if g.epoch == epoch])]
    columns = ["step", "state", "epoch", *(f"{share:.0%} back" for share in SHARES)]
    console(stderr=True).print(table(columns, rows, right="epoch"))
    picture = drawn(folder / PICTURE_OVER_TIME, lambda plot, path: plot.over_time(seen, path))
    say(f"every step of time: {folder / FILE_OVER_TIME}{picture}")


def state_rows(seen: Sequence[StateGradient]) -> Iterable[tuple[str, ...]]:
    """A row for each state in one epoch: norms from the last step of time to the first."""
    for (step, state), found in groupby(seen, lambda g: (g.step, g.state)):
        norms = [f"{g.norm:.3g}" for g in found]
        chosen = [norms[round(share * (len(norms) - 1))] for share in SHARES]
        yield step, state, str(seen[0].epoch), *chosen


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


def drawn(path: Path, draw: Callable[[Any, Path], None]) -> str:
    """Where the picture is; nothing where matplotlib is not installed."""
    try:
        plot = import_module("gradc_runtime.cli.actions.plot")
    except ModuleNotFoundError:
        return ""
    draw(plot, path)
    return f", and as a picture {path}"
