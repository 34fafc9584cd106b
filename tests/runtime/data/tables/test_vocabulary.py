"""Texts as classes: what has one, what shares the last, what fills up; and damaged vocabularies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.data.tables.vocabulary import REST, Vocabulary
from gradc_runtime.system.errors import DataError

TEXTS = ["Good movie, so good", "bad movie"]


def test_words_are_ranked_and_the_rest_share_the_last_class() -> None:
    made = Vocabulary.of(TEXTS, "words", 5, filled=False)
    assert made.symbols == ("good", "movie", ",", "bad", REST) and made.size == 5
    assert made.read("GOOD or bad").tolist() == [0, 4, 3]
    assert made.read("").tolist() == [4]  # a text has one class at least


def test_characters_keep_their_case() -> None:
    made = Vocabulary.of(["aAa"], "characters", 9, filled=False)
    assert made.symbols == ("a", "A", REST) and made.read("Ab").tolist() == [1, 2]


def test_class_0_is_left_for_filling_up() -> None:
    made = Vocabulary.of(TEXTS, "words", 4, filled=True)
    assert made.symbols == ("good", "movie", REST) and made.size == 4
    assert made.read("good film").tolist() == [1, 3]


def test_the_longest_length_is_kept() -> None:
    made = Vocabulary.of(TEXTS, "words", 4, filled=False, longest=2)
    assert len(made.read("a b c d")) == 2 and len(made.read("a b c d", 3)) == 3
    assert Vocabulary.of_data(made.as_data()) == made


@pytest.mark.parametrize("filled", [False, True])
def test_byte_pairs_read_any_text(filled: bool) -> None:
    pytest.importorskip("tokenizers")
    made = Vocabulary.of([*TEXTS] * 5, "pairs", 300, filled=filled)
    assert Vocabulary.of([*TEXTS] * 5, "pairs", 300, filled=filled) == made
    assert made.read(" movie").size == 1 and made.size <= 300
    found = made.read("\u6f22 \U0001f600")
    assert found.size > 2 and found.min() >= filled and found.max() < made.size
    assert made.read("").tolist() == [int(filled)]
    again = Encoding.of_data(Encoding(texts={"x": made}).as_data()).texts["x"]
    np.testing.assert_array_equal(again.read("so good"), made.read("so good"))


@pytest.mark.parametrize(
    ("way", "size", "said"),
    [
        ("words", 1, "words need 2 classes at least, not 1"),
        ("pairs", 256, "byte pairs need more than 256 classes, not 256"),
    ],
)
def test_too_few_classes(way: str, size: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Vocabulary.of(TEXTS, way, size, filled=False)


def test_damaged_vocabularies_are_refused() -> None:
    good = Vocabulary.of(TEXTS, "words", 5, filled=False).as_data()
    for wrong in ({**good, "way": "x"}, {**good, "symbols": [1]}, {**good, "longest": -1}, {}, 3):
        with pytest.raises(ValueError, match="its vocabulary is none"):
            Vocabulary.of_data(wrong)
    pytest.importorskip("tokenizers")
    made = replace(Vocabulary.of_data(good), way="pairs", pairs='{"model": 3}')
    with pytest.raises(DataError, match="byte pairs: damaged or not a vocabulary"):
        made.read("a")


def test_what_a_run_kept_before_there_were_texts_is_read() -> None:
    data = Encoding(classes={"y": ("a", "b")}).as_data()
    del data["texts"]
    assert Encoding.of_data(data).classes == {"y": ("a", "b")}
