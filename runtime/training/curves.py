"""A picture of a run: every loss and report by epoch, in training and on held-out examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from math import ceil, isfinite, nan
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gradc_runtime.training.progress import metrics_of

WIDTH, HEIGHT = 4.6, 3.0  # inches of one panel
DPI = 220  # of a file: twice that of a screen
COLOURS = ("#2e86ab", "#d1495b", "#edae49", "#66a182", "#22313f", "#8d6a9f")
SHOWN = "_repr_png_"  # what a notebook asks a thing for, to show it as a picture
ACROSS = 3  # panels side by side
HELD_OUT = "held_out."
SPREAD = 20.0  # greatest over least number from which the axis is logarithmic


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The curves in a file."""
    figure_of(rows).savefig(path, dpi=DPI)


def figure_of(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A panel for each name; the lines of `held_out.loss` stand beside those of `loss`."""
    names = list(dict.fromkeys(name.removeprefix(HELD_OUT) for name in metrics_of(rows[-1])))
    across = min(len(names), ACROSS)
    down = ceil(len(names) / across)
    figure = Figure(figsize=(WIDTH * across, HEIGHT * down), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        draw_one(axes, rows, name)
    for axes in panels[len(names) :]:
        axes.axis("off")
    setattr(figure, SHOWN, partial(as_png, figure))
    return figure


def as_png(figure: Figure) -> bytes:
    """The bytes of the picture as a PNG file."""
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DPI // 2)
    return stream.getvalue()


def draw_one(axes: Any, rows: Sequence[Mapping[str, Any]], name: str) -> None:
    """One loss or report."""
    epochs = [row["epoch"] for row in rows]
    lines = {"in training": name, "held out": f"{HELD_OUT}{name}"}
    seen: list[float] = []
    for colour, (label, key) in zip(COLOURS, lines.items(), strict=False):
        if key in rows[-1]:
            values = [finite(row.get(key)) for row in rows]
            seen += [value for value in values if isfinite(value)]
            axes.plot(epochs, values, ".-" if len(rows) <= 50 else "-", color=colour, label=label)
    if seen and 0 < min(seen) * SPREAD < max(seen):
        axes.set_yscale("log")
    axes.set(title=name, xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)


def finite(value: float | None) -> float:
    """A number that can be drawn; NaN leaves a gap."""
    return nan if value is None or not isfinite(value) else value
