"""Train the specs and draw the figures: `python specs/gallery/make.py` (needs matplotlib).

curve.png is figure D.3, circle.png figure D.4, digits.png what the network of
example D.3 makes of the bundled digits.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

import gradc

HERE = Path(__file__).resolve().parent
INK, WARM, COOL = "#22313f", "#d1495b", "#2e86ab"
matplotlib.use("Agg")
matplotlib.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})


def trained(name: str) -> tuple[gradc.Session, gradc.Dataset]:
    """A spec of the collection, trained from seed 0, and its data."""
    program = gradc.compile_file(HERE.parent / f"{name}.nn")
    session = gradc.Session(program, seed=0)
    data = session.dataset()
    session.train()
    return session, data


def curve() -> None:
    """Figure D.3: data, and the network's curve through it."""
    session, data = trained("curve")
    x = np.linspace(-3, 3, 400, dtype=np.float32)
    figure, axes = matplotlib.pyplot.subplots(figsize=(5, 3), layout="constrained")
    axes.plot(data.arrays["x"], data.arrays["y"], ".", color=COOL, alpha=0.4, label="data")
    axes.plot(x, session.run("f", x=x), color=WARM, linewidth=2, label="f(x), 251 parameters")
    axes.set(xlabel="x", ylabel="y", title="curve.nn (figure D.3)")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.42, 1.0))
    figure.savefig(HERE / "curve.png", dpi=110)


def circle() -> None:
    """Figure D.4: the probability of being inside, and the data's true border."""
    session, data = trained("circle")
    side = np.linspace(-1, 1, 121, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    inside = session.run("inside", p=grid)[:, 1].reshape(len(side), len(side))
    figure, axes = matplotlib.pyplot.subplots(figsize=(4.2, 3.6), layout="constrained")
    shade = axes.contourf(side, side, inside, levels=20, cmap="RdBu_r", vmin=0, vmax=1)
    points, labels = data.arrays["p"], data.arrays["label"]
    for label, color in ((0, COOL), (1, WARM)):
        chosen = points[labels == label][:250]
        axes.plot(chosen[:, 0], chosen[:, 1], ".", color=color, markersize=3)
    axes.add_patch(matplotlib.patches.Circle((0, 0), 0.8, fill=False, color=INK, linestyle="--"))
    axes.set(xlabel="$p_1$", ylabel="$p_2$", title="circle.nn (figure D.4)", aspect="equal")
    figure.colorbar(shade, label="probability of inside", ticks=[0, 0.5, 1])
    figure.savefig(HERE / "circle.png", dpi=110)


def digits() -> None:
    """Example D.3: held-out digits with the network's answer."""
    session, data = trained("mnist_cnn")
    images, labels = data.arrays["image"], data.arrays["label"]
    answers = session.run("digit", image=images).argmax(axis=1)
    wrong = np.flatnonzero(answers != labels)
    shown = np.concatenate([np.arange(40 - min(len(wrong), 10)), wrong])[:40]
    figure, grid = matplotlib.pyplot.subplots(4, 10, figsize=(7, 3.2), layout="constrained")
    for axes, k in zip(grid.flat, shown, strict=False):
        axes.imshow(images[k, :, :, 0], cmap="gray_r")
        right = answers[k] == labels[k]
        axes.set_title(str(answers[k]), color=INK if right else WARM, fontsize=9)
    for axes in grid.flat:
        axes.axis("off")
    figure.suptitle("mnist_cnn.nn (example D.3): digits and answers, in red where wrong")
    figure.savefig(HERE / "digits.png", dpi=110)


if __name__ == "__main__":
    import matplotlib.patches
    import matplotlib.pyplot

    curve()
    circle()
    digits()
