"""The roofline of a step (Williams, Waterman & Patterson, 2009): a dot for each line of the spec.

Along the bottom stands how many operations are made for each byte moved, upwards how many a second;
the roof is what this machine can do at most on one thread, by its bandwidths and by its arithmetic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gradc_runtime.cli.actions.line_times import WAYS, LineTime
from gradc_runtime.cli.actions.output import size
from gradc_runtime.cli.actions.profile import Profiled
from gradc_runtime.training.curves import COLOURS, DPI

NAMED = 12  # lines that are named, those with the most time
WIDE = 34  # characters of a line
LARGEST = 900.0  # area of the dot of a line that takes all of the time
LEAST = 0.001  # share of the time of a line that is drawn


def draw(found: Profiled, path: Path) -> None:
    """The picture in a file."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    lines = [
        line for line in found.lines
        if line.operations and line.bytes and line.all > LEAST * found.seconds
    ]  # fmt: skip
    dots(axes, found, lines)
    roofs(axes, found)
    axes.set(
        xscale="log", yscale="log", xlabel="operations for each byte",
        ylabel="GFLOP/s on one thread",
        title=f"step {found.step}, batch {found.batch}: the lines of the spec below the roof",
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(path, dpi=DPI)


def dots(axes: Any, found: Profiled, lines: list[LineTime]) -> None:
    """The lines, coloured by what takes most of their time, as large as their share of it."""
    for colour, way in zip(COLOURS, WAYS, strict=False):
        own = [line for line in lines if max(WAYS, key=lambda w: line.seconds[w]) == way]
        areas = [12 + LARGEST * line.all / found.seconds for line in own]
        axes.scatter(
            [intensity(line) for line in own], [rate(line) for line in own], s=areas,
            color=colour, alpha=0.75, label=f"mostly {way}",
        )  # fmt: skip
    named = sorted(lines, key=lambda line: -line.all)[:NAMED]
    for line in named:
        axes.annotate(
            str(line.line or ""), (intensity(line), rate(line)), xytext=(0, 9),
            textcoords="offset points", fontsize=8, ha="center", weight="bold",
        )  # fmt: skip
    captions = "\n".join(caption(line, found) for line in named)
    axes.text(
        1.01, 1.0, captions, transform=axes.transAxes, fontsize=8, va="top", family="monospace",
        parse_math=False, linespacing=1.6,
    )  # fmt: skip


def roofs(axes: Any, found: Profiled) -> None:
    """The arithmetic, and the bandwidth of each footprint."""
    low, high = axes.get_xlim()
    at = np.geomspace(max(low, 0.01) / 2, high * 4, 200)
    most = found.limits.operations / 1e9
    for number, (footprint, bandwidth) in enumerate(found.limits.bandwidth.items()):
        axes.plot(
            at, np.minimum(at * bandwidth / 1e9, most), color="#22313f", lw=1,
            alpha=1 - 0.22 * number, ls=("-", "--", "-.", ":")[number % 4],
            label=f"within {size(footprint)}: {bandwidth / 1e9:.0f} GB/s",
        )  # fmt: skip


def intensity(line: LineTime) -> float:
    """Operations for each byte."""
    return line.operations / line.bytes


def rate(line: LineTime) -> float:
    """GFLOP/s."""
    return line.operations / line.all / 1e9


def caption(line: LineTime, found: Profiled) -> str:
    """`31%  4: |> conv(8, 5x5)`, shortened."""
    text = found.texts.get(line.line, "no line of the spec")
    said = text if len(text) <= WIDE else f"{text[: WIDE - 3]}..."
    return f"{line.all / found.seconds:>4.0%} {line.line or '':>3}: {said}"
