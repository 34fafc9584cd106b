"""Figures of feedforward networks: D.3, D.4, and what example D.3 makes of the bundled digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from drawing import COOL, INK, WARM, figure, plt, trained

from gradc_runtime.data import split


@figure
def curve() -> Any:
    """Figure D.3: data, and the network's curve through it."""
    session, data = trained("curve")
    x = np.linspace(-3, 3, 400, dtype=np.float32)
    made, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
    axes.plot(data.arrays["x"], data.arrays["y"], ".", color=COOL, alpha=0.4, label="data")
    axes.plot(x, session.run("f", x=x), color=WARM, linewidth=2, label="f(x), 251 parameters")
    axes.set(xlabel="x", ylabel="y", title="curve.nn (figure D.3)")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
    return made


@figure
def circle() -> Any:
    """Figure D.4: the probability of being inside, and the data's true border."""
    session, data = trained("circle")
    side = np.linspace(-1, 1, 121, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    inside = session.run("inside", p=grid)[:, 1].reshape(len(side), len(side))
    made, axes = plt.subplots(figsize=(4.2, 3.6), layout="constrained")
    shade = axes.contourf(side, side, inside, levels=20, cmap="RdBu_r", vmin=0, vmax=1)
    points, labels = data.arrays["p"], data.arrays["label"]
    for label, color in ((0, COOL), (1, WARM)):
        chosen = points[labels == label][:250]
        axes.plot(chosen[:, 0], chosen[:, 1], ".", color=color, markersize=3)
    axes.add_patch(plt.Circle((0, 0), 0.8, fill=False, color=INK, linestyle="--"))
    axes.set(xlabel="$p_1$", ylabel="$p_2$", title="circle.nn (figure D.4)", aspect="equal")
    made.colorbar(shade, label="probability of inside", ticks=[0, 0.5, 1])
    return made


@figure
def digits() -> Any:
    """Example D.3: unseen digits with the network's answers, and all that it gets wrong."""
    session, data = trained("mnist_cnn")
    _, unseen = split(data, 0.2, session.seed)
    images, labels = unseen.arrays["image"], unseen.arrays["label"]
    answers = session.run("digit", image=images).argmax(axis=1)
    right, wrong = np.flatnonzero(answers == labels), np.flatnonzero(answers != labels)
    each = np.stack([right[labels[right] == k][:3] for k in range(10)], axis=1).ravel()
    made, grid = plt.subplots(4, 10, figsize=(7, 3.4), layout="constrained")
    for axes, k in zip(grid.flat, [*each, *wrong[:10]], strict=False):
        axes.imshow(images[k, :, :, 0], cmap="gray_r")
        missed = "" if answers[k] == labels[k] else f" ({labels[k]})"
        axes.set_title(f"{answers[k]}{missed}", color=WARM if missed else INK, fontsize=9)
    for axes in grid.flat:
        axes.axis("off")
    many = f"all {len(wrong)}" if len(wrong) <= 10 else f"10 of the {len(wrong)}"
    made.suptitle(
        f"mnist_cnn.nn (example D.3): answers for digits it never saw; below {many} "
        f"of {len(labels)}\nthat it gets wrong, with what they are",
        fontsize=9.5,
    )
    return made
