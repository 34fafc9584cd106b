"""Curves of several runs in one picture: a panel for each metric, a colour for each run."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from gradc_runtime.cli.actions.run_facts import Run
from gradc_runtime.training.curves import (
    ACROSS,
    COLOURS,
    DPI,
    HEIGHT,
    HELD_OUT,
    SPREAD,
    WIDTH,
    finite,
)
from gradc_runtime.training.progress import metrics_of

FAINT = 0.35  # how training is drawn beside what was held out
STYLES = ("-", "--", ":", "-.")


def draw(runs: Sequence[Run], path: Path) -> None:
    """Held-out curves plainly, those of training faintly; one legend for all panels."""
    names = dict.fromkeys(
        name.removeprefix(HELD_OUT) for run in runs if run.rows for name in metrics_of(run.rows[-1])
    )
    across = min(len(names), ACROSS)
    down = ceil(len(names) / across)
    figure = Figure(figsize=(WIDTH * across, HEIGHT * down + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        draw_one(axes, runs, name)
    for axes in panels[len(names) :]:
        axes.axis("off")
    handles = [
        Line2D([], [], color=colour_of(k), ls=style_of(k), label=run.name)
        for k, run in enumerate(runs)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(path, dpi=DPI)


def colour_of(place: int) -> str:
    """The colour of a run."""
    return COLOURS[place % len(COLOURS)]


def style_of(place: int) -> Any:
    """The line of a run, where colours begin again."""
    return STYLES[place // len(COLOURS) % len(STYLES)]


def draw_one(axes: Any, runs: Sequence[Run], name: str) -> None:
    """One loss or report of all runs."""
    seen = list[float]()
    for place, run in enumerate(runs):
        keys = [key for key in (name, f"{HELD_OUT}{name}") if run.rows and key in run.rows[-1]]
        for key in keys:
            values = [finite(row.get(key)) for row in run.rows]
            seen += [value for value in values if isfinite(value)]
            faint = key != keys[-1]
            axes.plot(
                [row["epoch"] for row in run.rows], values, style_of(place),
                color=colour_of(place), alpha=FAINT if faint else 1, linewidth=1 if faint else 1.6,
                marker="." if len(run.rows) <= 3 else None,
            )  # fmt: skip
    if seen and 0 < min(seen) * SPREAD < max(seen):
        axes.set_yscale("log")
    axes.set(title=f"{name}: held out; faint, in training", xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
