"""Networks over sequences: digits named column by column, and drawn row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from drawing import WARM, figure, plt, show, trained

from runtime.data import split

SHOWN = 8  # digits read
DRAWN = 4  # drawings of each digit


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    likely = np.exp(scores - scores.max(axis=-1, keepdims=True))
    found: np.ndarray = likely / likely.sum(axis=-1, keepdims=True)
    return found


@figure
def tagging() -> Any:
    """Unseen digits, and what the network thinks they are after each of their columns."""
    session, data = trained("tagging")
    _, unseen = split(data, 0.2, session.seed)
    labels = unseen.arrays["label"]
    chosen = [np.flatnonzero(labels == k)[1] for k in range(SHOWN)]
    columns = [unseen.arrays["columns"][k] for k in chosen]
    made, panels = plt.subplots(2, SHOWN, figsize=(9, 3.4), layout="constrained", sharex="col")
    for k, (digit, scores) in enumerate(
        zip(columns, session.run("digit", columns=columns), strict=True)
    ):
        above, below = panels[:, k]
        above.imshow(digit.T, cmap="gray_r", aspect="auto")
        above.axis("off")
        below.imshow(softmax(scores).T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        below.set(xticks=[0, 10, 20], yticks=range(10))
        below.tick_params(length=0, labelsize=8, labelleft=k == 0)
        right = len(digit) + 0.5, labels[chosen[k]]
        below.plot(*right, "<", color=WARM, markersize=5, clip_on=False)
    panels[1, 0].set_ylabel("digit named")
    made.supxlabel("columns read so far", fontsize=9)
    made.suptitle("tagging.nn (figure D.10): probabilities after every column of an unseen digit")
    return made


@figure
def caption() -> Any:
    """Digits drawn row by row from their labels, differently for every draw of the noise."""
    session, _ = trained("caption")
    labels = np.tile(np.arange(10), DRAWN)
    z = np.random.default_rng(0).normal(size=(len(labels), 4))
    drawn = np.asarray(session.run("draw", label=labels, z=z)).reshape(DRAWN, 10, 28, 28)
    made, axes = plt.subplots(figsize=(7, 3.3), layout="constrained")
    show(axes, drawn, columns=[str(k) for k in range(10)],
         title="caption.nn (figure D.10): drawn row by row from a label")  # fmt: skip
    return made
