"""The deep chain of example D.4, and networks beyond the appendix: a U-Net and an oscillator."""

from __future__ import annotations

from typing import Any

import numpy as np
from drawing import COOL, HERE, INK, WARM, figure, plt, show, trained

import gradc
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.training.gradient_monitor import GradientMonitor
from gradc_runtime.training.trainer import Trainer


@figure
def deep_chain() -> Any:
    """The gradient for each layer's bias, in a chain that halves and in one that doubles."""
    session = gradc.Session(gradc.compile_file(HERE.parent / "deep_chain.nn"), seed=0)
    watch = GradientMonitor(session)
    settings = resolve(session.training.settings, seed=0, epochs=1)
    Trainer(session, session.dataset(), settings, watch=watch).run()
    made, axes = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
    for step, color, weight in (("explode", WARM, "2"), ("vanish", COOL, "0.5")):
        norms = [g.norm for g in watch.parameters.seen if g.step == step and g.kind == "b"]
        axes.plot(range(1, 51), norms, ".-", color=color, label=f"weights {weight}")
        up = 4 if step == "explode" else -12
        axes.annotate(
            f"{norms[0]:.0e}", (1, norms[0]), (0, up), textcoords="offset points", color=color
        )
    axes.axhline(1, color=INK, linewidth=0.7, linestyle=":")
    axes.set(
        yscale="log", ylim=(1e-19, 1e18), xticks=[1, 10, 20, 30, 40, 50],
        xlabel="layer (the loss comes after the fiftieth)", ylabel="|gradient| for its bias",
        title="deep_chain.nn (example D.4)",
    )  # fmt: skip
    axes.legend(frameon=False)
    return made


@figure
def unet() -> Any:
    """Held-out scenes, the discs in them, and the probability that the network gives."""
    session, _ = trained("unet")
    data = gradc.Session(session.program, seed=1).dataset()  # other scenes than those trained on
    images, discs = (data.arrays[name][:8] for name in ("image", "discs"))
    found = 1 / (1 + np.exp(-session.run("mask", image=images)))
    low, high = images.min(), images.max()
    tiles = np.stack([1 - (images - low) / (high - low), discs, found])[..., 0]
    made, axes = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
    show(axes, tiles, ["scene", "discs in it", "discs found"], title="unet.nn: new scenes")
    return made


@figure
def oscillator() -> Any:
    """The network beside the exact solution, and the difference of the two."""
    session, _ = trained("oscillator")
    t = np.linspace(0, 4, 401)
    exact, found = np.sin(2 * t), session.run("u", t=t)
    made, (above, below) = plt.subplots(
        2, 1, figsize=(5.2, 3.8), layout="constrained", sharex=True, height_ratios=(3, 1)
    )
    above.plot(t, exact, color=COOL, linewidth=5, alpha=0.35, label="sin 2t")
    above.plot(t, found, color=WARM, linewidth=1.5, linestyle="--", label="u(t)")
    above.set(ylabel="u", title="oscillator.nn: u'' = -4u, u(0) = 0, u'(0) = 2")
    above.legend(frameon=False, loc="lower left")
    below.plot(t, found - exact, color=INK, linewidth=1)
    below.axhspan(-0.01, 0.01, color=COOL, alpha=0.12, linewidth=0)
    below.set(xlabel="t", ylabel="difference", ylim=(-0.012, 0.012), yticks=[-0.01, 0, 0.01])
    return made
