"""Samples of the adversarial networks while they train: gan.png, of `gan.nn` and `wgan_gp.nn`.

Every row shows what G makes of the same eight draws after so many epochs; the last row is real.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot
import numpy as np

import gradc
from runtime.progress import Silent
from runtime.settings import resolve
from runtime.trainer import Trainer

HERE = Path(__file__).resolve().parent
SHOWN = 8  # samples in a row
EPOCHS = (1, 5, 20, 50, 100)


class Samples(Silent):
    """Keeps what the generator makes of fixed draws at the end of some epochs."""

    def __init__(self, session: gradc.Session) -> None:
        self.session = session
        self.draws = np.random.default_rng(0).normal(size=(SHOWN, 16)).astype(np.float32)
        self.kept: dict[int, np.ndarray] = {}

    def epoch(self, row: Mapping[str, Any]) -> None:
        """Look, if this is one of them."""
        if row["epoch"] in EPOCHS:
            self.kept[row["epoch"]] = self.session.run("G", z=self.draws).copy()


def samples_of(name: str) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Samples by epoch, and as many real digits."""
    session = gradc.Session(gradc.compile_file(HERE.parent / f"{name}.nn"), seed=0)
    data, display = session.dataset(), Samples(session)
    settings = resolve(session.training.settings, seed=0, epochs=EPOCHS[-1])
    Trainer(session, data, settings, display=display).run()
    return display.kept, next(iter(data.arrays.values()))[:SHOWN]


def adversarial() -> None:
    """Both networks side by side, a row for each epoch."""
    figure = matplotlib.pyplot.figure(figsize=(9.2, 4.2), layout="constrained")
    for part, name in zip(figure.subfigures(1, 2, wspace=0.04), ("gan", "wgan_gp"), strict=True):
        kept, real = samples_of(name)
        part.suptitle(f"{name}.nn")
        grid = part.subplots(len(kept) + 1, SHOWN)
        rows = [(f"epoch {epoch}", made) for epoch, made in kept.items()] + [("real", real)]
        for line, (label, images) in zip(grid, rows, strict=True):
            line[0].set_ylabel(label, rotation=0, ha="right", va="center")
            for axes, image in zip(line, images, strict=True):
                axes.imshow(image[:, :, 0], cmap="gray_r", vmin=0, vmax=1)
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(label == "real")
    figure.savefig(HERE / "gan.png", dpi=110)
    matplotlib.pyplot.close(figure)
