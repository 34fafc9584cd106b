"""Pictures, with matplotlib; imported only where one is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gradc_runtime.training.curves import COLOURS, DPI, HEIGHT, WIDTH
from gradc_runtime.training.gradient_monitor import Gradient, StateGradient

FAINT = 0.3  # how the first epoch is drawn, where the last one is 1
FEW = 12  # layers that are all named below the axis


def gradients(seen: Sequence[Gradient], path: Path) -> None:
    """A column for each step: norms, and shares of zeros, over its layers from first to last."""
    names = dict.fromkeys(gradient.step for gradient in seen)
    steps = [(name, [g for g in seen if g.step == name]) for name in names]
    figure = Figure(figsize=(WIDTH * len(steps), 1.6 * HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(
        2, len(steps), squeeze=False, sharex="col", sharey="row", height_ratios=(3, 1)
    )
    for column, (step, found) in enumerate(steps):
        norms, zeros = panels[:, column]
        norms.set(title=f"gradients of {step}", yscale="log")
        zeros.set(ylim=(-0.05, 1.05), xlabel="layer")
        for axes, measure in ((norms, positive), (zeros, share)):
            draw(axes, found, measure)
            axes.spines[["top", "right"]].set_visible(False)
        label(zeros, layers_of(found))
        norms.legend(frameon=False, fontsize=8)
    panels[0, 0].set_ylabel("norm")
    panels[1, 0].set_ylabel("share of zeros")
    figure.savefig(path, dpi=DPI)


def over_time(seen: Sequence[StateGradient], path: Path) -> None:
    """Norms back through time: a line for each state, in the first epoch faintly."""
    names = dict.fromkeys((g.step, g.state) for g in seen)
    epochs = {seen[0].epoch: FAINT, seen[-1].epoch: 1.0}
    figure = Figure(figsize=(1.4 * WIDTH, HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    several = len({step for step, _ in names}) > 1
    for number, (step, state) in enumerate(names):
        for epoch, alpha in epochs.items():
            line = [g for g in seen if (g.step, g.state, g.epoch) == (step, state, epoch)]
            axes.plot(
                [-g.back for g in line], [positive(g) for g in line],
                color=COLOURS[number % len(COLOURS)], alpha=alpha,
                label=f"{f'{step}: ' if several else ''}{state}, epoch {epoch}",
            )  # fmt: skip
    axes.set(yscale="log", xlabel="steps from the end", ylabel="norm of the state's gradient")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7)
    figure.savefig(path, dpi=DPI)


def layers_of(found: Sequence[Gradient]) -> list[str]:
    """The layers, in order."""
    return list(dict.fromkeys(gradient.layer for gradient in found))


def draw(axes: Any, found: Sequence[Gradient], measure: Callable[[Gradient], float]) -> None:
    """A line for each kind of parameter, in the first epoch faintly and in the last."""
    places = {layer: place for place, layer in enumerate(layers_of(found), 1)}
    epochs = sorted({gradient.epoch for gradient in found})
    for colour, kind in zip(COLOURS, dict.fromkeys(g.kind for g in found), strict=False):
        for epoch, alpha in {epochs[0]: FAINT, epochs[-1]: 1.0}.items():
            line = [g for g in found if g.kind == kind and g.epoch == epoch]
            axes.plot(
                [places[g.layer] for g in line], [measure(g) for g in line], ".-",
                color=colour, alpha=alpha, label=f"{kind}, epoch {epoch}",
            )  # fmt: skip


def positive(gradient: Gradient | StateGradient) -> float:
    """A norm, where a logarithm has a place for it."""
    return gradient.norm if isfinite(gradient.norm) and gradient.norm > 0 else nan


def share(gradient: Gradient) -> float:
    """The share of zeros."""
    return gradient.zeros


def label(axes: Any, layers: Sequence[str]) -> None:
    """The names of the layers below the axis, or of many the first and the last."""
    short = [layer.partition(".")[2] or layer for layer in layers]
    places = range(1, len(short) + 1)
    if len(short) > FEW:
        axes.set_xticks([1, len(short)], [short[0], short[-1]])
    else:
        axes.set_xticks(places, short, rotation=40, ha="right", fontsize=8)
