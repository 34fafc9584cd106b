"""Samples of the adversarial networks while they train (section D.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from drawing import HERE, figure, plt, show

import gradc
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.training.progress import Silent
from gradc_runtime.training.trainer import Trainer

SHOWN = 8  # samples in a row
EPOCHS = (1, 5, 20, 100, 400)


class Samples(Silent):
    """Keeps what the generator makes of fixed draws at the end of some epochs."""

    def __init__(self, session: gradc.Session) -> None:
        self.session = session
        self.draws = np.random.default_rng(0).normal(size=(SHOWN, 16))
        self.kept: list[np.ndarray] = []

    def epoch(self, row: Mapping[str, Any]) -> None:
        """Look, if this is one of them."""
        if row["epoch"] in EPOCHS:
            self.kept.append(self.session.run("G", z=self.draws)[..., 0].copy())


def samples_of(name: str) -> np.ndarray:
    """A row of samples for each of the epochs, and a row of real digits."""
    session = gradc.Session(gradc.compile_file(HERE.parent / f"{name}.nn"), seed=0)
    data, display = session.dataset(), Samples(session)
    settings = resolve(session.training.settings, seed=0, epochs=EPOCHS[-1])
    Trainer(session, data, settings, display=display).run()
    real = next(iter(data.arrays.values()))[:SHOWN, :, :, 0]
    return np.stack([*display.kept, real])


@figure
def gan() -> Any:
    """What G makes of the same eight draws as it learns; the last row is real."""
    made, panels = plt.subplots(1, 2, figsize=(7.6, 3.0), layout="constrained")
    rows = [*(f"epoch {epoch}" for epoch in EPOCHS), "real"]
    for axes, name in zip(panels, ("gan", "wgan_gp"), strict=True):
        show(axes, samples_of(name), rows, title=f"{name}.nn")
    return made
