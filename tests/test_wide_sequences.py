"""Wide: what recurrent networks are known to learn, on tasks whose right answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged, SequenceIndex
from gradc_compiler.pipeline import compile_source
from gradc_runtime.data import Dataset, split
from gradc_runtime.session.history import History
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import Diverged

pytestmark = pytest.mark.wide
SPECS = Path(__file__).resolve().parents[1] / "specs"
LEARNED = 0.01  # mean squared error of the adding problem; that of always saying 0.5 is 0.042


def trained(
    name: str, *changes: tuple[str, str], seed: int = 0, **settings: float
) -> tuple[Session, History]:
    """A session that was trained as a spec says, with some of its text replaced."""
    text = (SPECS / f"{name}.nn").read_text()
    for old, new in changes:
        assert old in text, f"{name}.nn says {old}"
        text = text.replace(old, new)
    session = Session(compile_source(text, directory=SPECS), seed=seed)
    return session, session.train(**settings)


def held_out(session: Session) -> tuple[Dataset, Dataset]:
    """What a session trained on, and what it did not see."""
    share = session.training.settings.get("held_out", 0.2)
    train, test = split(session.dataset(), share, session.seed)
    assert test is not None
    return train, test


@pytest.mark.parametrize("seed", range(5))
def test_an_lstm_learns_the_adding_problem(seed: int) -> None:
    _, summary = trained("adding", seed=seed)
    assert summary.rows[-1]["held_out.loss"] < LEARNED


def test_a_plain_recurrence_without_clipping_does_not() -> None:
    """Hochreiter & Schmidhuber, 1997: at T = 100 the gradient of Elman's cell has vanished."""
    changes = ("lstm(32, forget = 5)", "elman(32)"), (", clip(norm = 1)", "")
    try:
        _, summary = trained("adding", *changes)
    except Diverged:
        return
    assert min(row["held_out.loss"] for row in summary.rows) > 2 * LEARNED


def test_strings_of_any_length_are_reversed_exactly() -> None:
    rate = "lr = 3e-3", "lr = cosine(3e-3, 15000)"  # a constant one leaves the end to chance
    session, _ = trained("translate", rate, epochs=60)
    alphabet = session.dataset().alphabet
    assert alphabet is not None
    _, test = held_out(session)
    said = session.run("translate", xs=test.arrays["xs"])
    answers = [alphabet.write(row) for row in said]
    wanted = [alphabet.write(row) for row in test.arrays["ys"]]
    right = np.array([a == b for a, b in zip(answers, wanted, strict=True)])
    assert right.mean() > 0.98, f"{right.mean():.3f} of {len(right)} strings"


@pytest.mark.parametrize("name", ["characters", "transformer"])
def test_a_model_of_characters_is_better_than_trigrams(name: str) -> None:
    session, summary = trained(name)
    train, test = held_out(session)
    assert summary.rows[-1]["held_out.loss"] < trigram_loss(train, test)


def trigram_loss(train: Dataset, test: Dataset) -> float:
    """Cross entropy of P(c | a, b) mixed from counts of one, two and three characters.

    The mixture is the best one for the text it is measured on (expectation maximisation): more
    than a trigram model may know.
    """
    classes = train.types["ys"].classes
    assert classes is not None
    seen, asked = contexts(train), contexts(test)
    sizes = (classes + 1, classes, classes)  # one more for what comes before the first character
    chances = np.stack([
        np.full(len(asked[0]), 1 / classes),
        chance(seen[2:], asked[2:], sizes[2:]),
        chance(seen[1:], asked[1:], sizes[1:]),
        chance(seen, asked, sizes),
    ])  # fmt: skip
    mixture = np.full(4, 0.25)
    for _ in range(200):
        shares = mixture[:, None] * chances
        mixture = (shares / shares.sum(axis=0)).mean(axis=1)
    return float(-np.mean(np.log(mixture @ chances)))


def contexts(data: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two characters and the one after them, for every character that is to be said."""
    xs, ys, classes = data.arrays["xs"], data.arrays["ys"], data.types["xs"].classes
    assert isinstance(xs, Ragged) and isinstance(ys, Ragged)
    before = np.where(SequenceIndex(xs.lengths).position > 0, np.roll(xs.values, 1), classes)
    return before, xs.values, ys.values


def chance(
    seen: tuple[np.ndarray, ...], asked: tuple[np.ndarray, ...], sizes: tuple[int, ...]
) -> np.ndarray:
    """How often the last of some characters came after the others; 0 after what was never seen."""
    counts = np.zeros(sizes)
    np.add.at(counts, seen, 1)
    total = np.maximum(counts.sum(axis=-1), 1)
    found: np.ndarray = counts[asked] / (total[asked[:-1]] if len(asked) > 1 else total)
    return found
