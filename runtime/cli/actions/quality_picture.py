"""A picture of how good predictions are: confusions and receiver operating characteristics of
classes, estimates against the truth and errors of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gradc_runtime.cli.actions.quality_tables import number
from gradc_runtime.session.predictions_measured import Quality
from gradc_runtime.session.quality import ClassQuality, NumberQuality
from gradc_runtime.training.curves import COLOURS, DPI

PANEL = 4.2  # inches, either way
MOST_WRITTEN = 20  # classes whose counts stand in their squares
MOST_CURVES = 12
FAINT = "#8a8a8a"


def draw(good: Mapping[str, Quality], path: Path) -> None:
    """Two panels for each field."""
    figure = Figure(figsize=(2 * PANEL + 0.6, PANEL * len(good)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(good), 2, squeeze=False)
    for (left, right), (name, quality) in zip(panels, good.items(), strict=True):
        if isinstance(quality, ClassQuality):
            confusion(left, name, quality)
            curves(right, quality)
        else:
            estimates(left, name, quality)
            errors(right, quality)
    figure.savefig(path, dpi=DPI)


def confusion(axes: Any, name: str, quality: ClassQuality) -> None:
    """A square for each pair of classes, dark where it is a large share of its row."""
    counts = quality.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    few = len(quality.names) <= MOST_WRITTEN
    if few:
        for (i, j), count in np.ndenumerate(counts):
            colour = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, f"{count:,}", ha="center", va="center", color=colour, fontsize=8)
        places, names = range(len(quality.names)), quality.names
        turned = max(map(len, names)) > 3
        axes.set_xticks(places, names, rotation=40 * turned, ha="right" if turned else "center")
        axes.set_yticks(places, names)
    axes.set(xlabel=f"{name}, as predicted", ylabel=f"{name}", title="confusion")


def curves(axes: Any, quality: ClassQuality) -> None:
    """True positives over false ones for each class; of two classes that of the second."""
    areas = quality.areas
    axes.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=1)
    axes.set(
        xlabel="false positives", ylabel="true positives", title="receiver operating characteristic"
    )
    axes.spines[["top", "right"]].set_visible(False)
    if areas is None:
        axes.text(0.5, 0.4, "too many examples to draw", ha="center", color=FAINT)
        return
    classes = [1] if len(quality.names) == 2 else range(min(len(quality.names), MOST_CURVES))
    for place, k in enumerate(classes):
        if not isnan(areas[k]):
            style = "-" if place < len(COLOURS) else "--"
            label = f"{quality.names[k]}: AUC {areas[k]:.3f}"
            axes.plot(*quality.curve(k), style, color=COLOURS[place % len(COLOURS)], label=label)
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def estimates(axes: Any, name: str, quality: NumberQuality) -> None:
    """Estimates over the truth, beside the line on which they would be right."""
    found, truth = quality.pairs()
    ends = [min(found.min(), truth.min()), max(found.max(), truth.max())]
    axes.plot(ends, ends, "--", color=FAINT, linewidth=1, label="right")
    axes.plot(truth, found, ".", color=COLOURS[0], markersize=4, alpha=0.5)
    axes.set(xlabel=name, ylabel=f"{name}, as predicted", title=f"R² {quality.r2:.4g}")
    axes.spines[["top", "right"]].set_visible(False)


def errors(axes: Any, quality: NumberQuality) -> None:
    """How often errors are how large."""
    found, truth = quality.pairs()
    axes.hist(found - truth, bins=int(min(30, 4 + len(truth) ** 0.5)), color=COLOURS[0], alpha=0.8)
    axes.axvline(0, color=FAINT, linestyle="--", linewidth=1)
    axes.set(xlabel="prediction less truth", ylabel="examples")
    axes.set(title=f"mean absolute error {number(quality.mae)}")
    axes.spines[["top", "right"]].set_visible(False)
