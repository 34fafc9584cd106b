"""Networks over sequences: digits named column by column and drawn row by row, and written text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from drawing import COOL, INK, WARM, figure, plt, show, trained

import gradc
from gradc_runtime.data import split
from gradc_runtime.data.arrays.alphabet import Alphabet

SHOWN = 8  # digits read
DRAWN = 4  # drawings of each digit
WIDTH = 108  # characters in a line
LONG = 14  # a word that is shorter is not cut at the end of a line
TEMPERATURES = (0.6, 0.8, 1.0)
UNSEEN = (
    " If the value of the expression is not a number, an exception is raised, and the statement "
    "that follows the next except clause is executed. A class may define a method with this name; "
    "it is then called with two arguments. Whales sing quietly beneath frozen seas, and no module "
    "of the library knows why."
)


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


@figure
def written() -> Any:
    """Text that the model of characters reads and writes, its colour how likely each character was
    to the model.
    """
    session, data = trained("characters")
    assert data.alphabet is not None
    texts = {"a text that it never saw": data.alphabet.read(UNSEEN, "unseen")}
    for t in TEMPERATURES:
        (text,) = session.run("write", temperature=np.array([t]))
        texts[f"written by the network, at temperature {t}"] = text
    made, panels = plt.subplots(len(texts), 1, figsize=(9.6, 4.4), layout="constrained")
    for axes, (title, classes) in zip(panels, texts.items(), strict=True):
        page(axes, judged(session, data.alphabet, classes))
        axes.set_title(title, loc="left", fontsize=9, color=INK)
    made.suptitle("characters.nn: blue where a character was expected, red where it surprised")
    return made


def judged(
    session: gradc.Session, alphabet: Alphabet, classes: np.ndarray
) -> list[tuple[str, float]]:
    """The characters of a text but the first, each with its probability; runs of blanks as one."""
    (scores,) = session.run("next", xs=[classes[:-1]])
    likely = softmax(scores)[np.arange(len(scores)), classes[1:]]
    text = "".join(" " if c.isspace() else c for c in alphabet.write(classes))
    pairs = zip(text, text[1:], likely.tolist(), strict=False)
    return [(c, p) for before, c, p in pairs if not before == c == " "]


def page(axes: Any, text: Sequence[tuple[str, float]]) -> None:
    """A text in one width, from COOL, expected, to WARM, less than one in a hundred."""
    shades = plt.matplotlib.colors.LinearSegmentedColormap.from_list("", [COOL, INK, WARM])
    place = 0
    for character, p in text:
        if character == " " and place % WIDTH > WIDTH - LONG:
            place += WIDTH - place % WIDTH
            continue
        axes.text(place % WIDTH, -(place // WIDTH), character, family="monospace", fontsize=9,
                  ha="center", color=shades(min(-np.log10(p) / 2, 1)))  # fmt: skip
        place += 1
    axes.set(xlim=(-1, WIDTH), ylim=(-3.2, 0.8))
    axes.axis("off")
