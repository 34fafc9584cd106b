"""Wide: what networks over sequences learn: the adding problem, and a text better than trigrams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradc
from compiler.graph.ragged import Clock, Ragged
from runtime.data.dataset import split
from runtime.errors import Diverged
from runtime.session import Session

pytestmark = pytest.mark.wide
SPECS = Path(__file__).resolve().parents[1] / "specs"
HELD_OUT = 0.2
CLASSES = 96


def trained(text: str, epochs: int) -> float:
    """The loss on what is held out, after training; infinite where it diverges."""
    session = Session(gradc.compile_source(text, directory=str(SPECS)))
    _, held_out = split(session.dataset(), HELD_OUT, 0)
    try:
        session.train(epochs=epochs, held_out=HELD_OUT)
    except Diverged:
        return np.inf
    return session.evaluate(held_out)["loss"]


def test_an_lstm_learns_to_add_over_a_hundred_steps_and_an_elman_network_does_not() -> None:
    spec = (SPECS / "adding.nn").read_text()
    assert trained(spec, epochs=20) < 0.01
    elman = spec.replace("lstm(32, forget = 3)", "elman(32)").replace("clip(norm = 1), ", "")
    assert trained(elman, epochs=20) > 0.03


def pairs_before(xs: Ragged) -> np.ndarray:
    """For each character the one before it and itself; the first of a window stands for both."""
    inner = Clock(xs.lengths).position > 0
    before = np.where(inner, np.roll(xs.values, 1), xs.values)
    return before * CLASSES + xs.values


def trigram_loss(known: dict[str, Ragged], asked: dict[str, Ragged]) -> float:
    """Trigrams mixed with bigrams and single characters, by the shares that serve them best."""
    threes = np.full((CLASSES**2, CLASSES), 1e-9)
    np.add.at(threes, (pairs_before(known["xs"]), known["ys"].values), 1)
    twos = np.full((CLASSES, CLASSES), 1e-9)
    np.add.at(twos, (known["xs"].values, known["ys"].values), 1)
    ones = np.bincount(known["ys"].values, minlength=CLASSES) + 1.0
    target, rows = asked["ys"].values, asked["xs"].values
    parts = [
        (counts / counts.sum(-1, keepdims=True))[places, target]
        for counts, places in ((threes, pairs_before(asked["xs"])), (twos, rows))
    ]
    rare = ones[target] / ones.sum()
    shares = [(a, (1 - a) * b, (1 - a) * (1 - b)) for a in (0.6, 0.8, 0.9) for b in (0.6, 0.9)]
    return min(-np.log(a * parts[0] + b * parts[1] + c * rare).mean() for a, b, c in shares)


def test_the_language_model_is_better_than_trigrams() -> None:
    session = Session(gradc.compile_file(SPECS / "characters.nn"))
    known, asked = split(session.dataset(), HELD_OUT, 0)
    session.train(epochs=4, held_out=HELD_OUT)
    assert session.evaluate(asked)["loss"] < trigram_loss(known.arrays, asked.arrays) - 0.1
