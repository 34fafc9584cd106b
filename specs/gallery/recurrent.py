"""Recurrent networks: what comes back through time, in three cells that learn the same task."""

from __future__ import annotations

from typing import Any

import numpy as np
from drawing import COOL, HERE, INK, WARM, figure, plt

import gradc
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.training.gradient_monitor import GradientMonitor
from gradc_runtime.training.trainer import Trainer

CELLS = {
    "plain.elman1": ("Elman", WARM),
    "clipped.elman1": ("Elman, gradient clipped", "#edae49"),
    "gated.lstm1.c": ("LSTM, the cell c", COOL),
}


@figure
def memory() -> Any:
    """The gradient for the state, step by step back from the end, before training and after; and
    what each network then misses.
    """
    session = gradc.Session(gradc.compile_file(HERE.parent / "memory.nn"), seed=0)
    watch = GradientMonitor(session)
    settings = resolve(session.training.settings, seed=0)
    rows = Trainer(session, session.dataset(), settings, watch=watch).run().rows
    made, panels = plt.subplots(1, 3, figsize=(10.5, 3.2), layout="constrained")
    seen = watch.states.seen
    times = {"at first": 1, "at last": rows[-1]["epoch"]}
    for axes, (title, epoch) in zip(panels[:2], times.items(), strict=True):
        for state, (name, color) in CELLS.items():
            line = [g for g in seen if (g.state, g.epoch) == (state, epoch) and g.norm > 0]
            axes.plot([-g.back for g in line], [g.norm for g in line], color=color, label=name)
        axes.set(yscale="log", ylim=(1e-17, 1e2), xlabel="step, from the end",
                 title=f"|dL/dh|, {title}")  # fmt: skip
    for state, (_, color) in CELLS.items():
        step = state.partition(".")[0]
        losses = [row[f"held_out.{step}.loss"] for row in rows]
        panels[2].plot(np.arange(1, len(rows) + 1), losses, color=color)
    panels[2].axhline(0.01, color=INK, linewidth=0.7, linestyle=":")
    panels[2].set(yscale="log", xlabel="epoch", title="squared error, held out")
    panels[0].legend(frameon=False, fontsize=8, loc="lower right")
    made.suptitle("memory.nn: the adding problem over a hundred steps")
    return made
