"""Figures of autoencoders: codes of two numbers, what is decoded from them, and noise removed."""

from __future__ import annotations

from typing import Any

import numpy as np
from drawing import figure, plt, show, trained

import gradc
from gradc_runtime.data import split

COLORS = plt.get_cmap("tab10").colors


def embedding(axes: Any, codes: np.ndarray, labels: np.ndarray, **text: str) -> None:
    """Points of the plane coloured by class, with the class written at its middle."""
    for k in range(10):
        z = codes[labels == k]
        axes.plot(z[:, 0], z[:, 1], ".", color=COLORS[k], markersize=3, alpha=0.7)
    for k in range(10):
        x, y = np.median(codes[labels == k], axis=0)
        box = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": COLORS[k]}
        axes.text(x, y, str(k), ha="center", va="center", fontsize=8, bbox=box)
    axes.set(xlabel="$z_1$", ylabel="$z_2$", **text)


def one_of_each(session: gradc.Session, data: gradc.Dataset) -> np.ndarray:
    """An image of each class that training did not see, [10, 28, 28, 1]."""
    _, unseen = split(data, 0.2, session.seed)
    labels = unseen.arrays["label"]
    return unseen.arrays["image"][[np.flatnonzero(labels == k)[0] for k in range(10)]]


def rows(*images: np.ndarray) -> np.ndarray:
    """Rows of [n, 28, 28, 1] as tiles."""
    return np.stack(images)[..., 0]


def there_and_back(name: str, title: str) -> Any:
    """The codes of all digits beside some digits and what is decoded from their codes."""
    session, data = trained(name)
    codes = session.run("encode", image=data.arrays["image"])
    some = one_of_each(session, data)
    again = session.run("decode", z=session.run("encode", image=some))
    made, (left, right) = plt.subplots(
        1, 2, figsize=(8, 3.8), layout="constrained", width_ratios=(1.1, 1)
    )
    embedding(left, codes, data.arrays["label"], title=f"{title}: every digit's code")
    pairs = [half for k in (0, 5) for half in (some[k : k + 5], again[k : k + 5])]
    show(right, rows(*pairs), ["digit", "decoded"] * 2, title="digits it never saw")
    return made


@figure
def autoencoder() -> Any:
    """Equation D.7 with affine layers."""
    return there_and_back("autoencoder", "autoencoder.nn (D.7)")


@figure
def conv_autoencoder() -> Any:
    """Example D.5: convolutions and their mirror."""
    return there_and_back("conv_autoencoder", "conv_autoencoder.nn (D.5)")


@figure
def denoising() -> Any:
    """Equation D.8: digits, with noise on top, and without it again."""
    session, data = trained("denoising")
    clean = one_of_each(session, data)
    noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape).astype(clean.dtype)
    found = session.run("decode", z=session.run("encode", image=noisy))
    made, axes = plt.subplots(figsize=(7, 2.3), layout="constrained")
    names = ["digit", "with noise", "denoised"]
    show(axes, rows(clean, noisy, found), names, title="denoising.nn (equation D.8): unseen digits")
    return made


@figure
def vae() -> Any:
    """Example D.6: the codes, the decoded plane, and draws from the prior."""
    session, data = trained("vae")
    codes = session.run("encode", image=data.arrays["image"])["mu"]
    made, (left, right) = plt.subplots(1, 2, figsize=(8.4, 4.1), layout="constrained")
    labels = data.arrays["label"]
    embedding(left, codes, labels, title="vae.nn (example D.6): every digit's code")
    side, n = np.linspace(-2.4, 2.4, 13, dtype=np.float32), 13
    z = np.stack(np.meshgrid(side, -side), axis=-1).reshape(-1, 2)
    plane = session.run("decode", z=z)[..., 0].reshape(n, n, 28, 28)
    title, names = "what each point of the plane decodes to", [f"{z:.1f}" for z in side]
    show(right, plane, names[::-1], names, title=title, xlabel="$z_1$", ylabel="$z_2$")
    return made


@figure
def generated() -> Any:
    """Example D.6: draws from the prior, decoded."""
    session, _ = trained("vae")
    made, axes = plt.subplots(figsize=(7, 2.4), layout="constrained")
    images = session.run("generate", 30)[..., 0].reshape(3, 10, 28, 28)
    show(axes, images, title="vae.nn (example D.6): digits that nobody wrote")
    return made
