"""New texts in a file of any form that `texts` reads are read as the spec reads its own."""

from __future__ import annotations

import pytest

from gradc_runtime.data.tables.vocabulary import Vocabulary
from tests.runtime.cli.calling import Caller

SPEC = """
model mood(review : seq class(9)) -> [2] { review |> embedding(9, 4) |> time_mean |> dense(2) }
data reviews(review : seq class(9), label : class(2)) = texts("reviews.csv", review = "The Text")
train on reviews { minimize cross_entropy(mood(review), label) using sgd(lr = 0.1), epochs 1 }
"""
NEW = {"n.csv": "The Text\ngood\nbad\n", "n.jsonl": '{"review": "good"}\n{"review": "bad"}\n',
       "n.txt": "good\nbad\n"}  # fmt: skip


@pytest.fixture
def trained(call: Caller) -> Caller:
    """A run of a spec of texts."""
    (call.folder / "reviews.nn").write_text(SPEC)
    (call.folder / "reviews.csv").write_text("The Text,label\n" + "good,pos\nbad,neg\n" * 4)
    assert call("train", "reviews.nn", "--threads", "1").code == 0
    return call


def test_texts_in_a_file_are_read_as_texts(trained: Caller) -> None:
    """A CSV file was read as a table, which has no sequences."""
    for name, text in NEW.items():
        (trained.folder / name).write_text(text)
    found = [trained("predict", "reviews.nn", name, "--json") for name in NEW]
    assert [one.code for one in found] == [0, 0, 0], [one.err for one in found]
    assert len({one.out for one in found}) == 1 and len(found[0].data) == 2


def test_texts_of_unknown_words_alone_get_a_warning(trained: Caller) -> None:
    """They got an answer as any other text does."""
    (trained.folder / "n.csv").write_text("The Text\nqq ww\na good one\nzz\n")
    (trained.folder / "qq.txt").write_text("qq ww")
    for texts, where in {"review=qq ww": "", "n.csv": "rows 1, 3: ", "qq.txt": "row 1: "}.items():
        found = trained("predict", "reviews.nn", texts, "--json")
        assert found.code == 0 and found.data
        assert f"warning: review: {where}the network knows none of the words" in found.err
    assert "none of" in trained("run", "reviews.nn", "mood", "--weights", "runs/reviews",
                                "review=qq").err  # fmt: skip
    assert "warning" not in trained("predict", "reviews.nn", "review=a good qq").err


@pytest.mark.parametrize("filled", [False, True])
def test_known_texts_have_a_symbol_with_a_class_of_its_own(filled: bool) -> None:
    words = Vocabulary.of(["good bad"], "words", 9, filled=filled)
    characters = Vocabulary.of(["abc"], "characters", 9, filled=filled)
    assert [words.knows(words.read(text)) for text in ("", "qq", "qq good")] == [False, False, True]
    assert [characters.knows(characters.read(text)) for text in ("xyz", "xyc")] == [False, True]


def test_a_file_is_one_text_where_the_texts_lie_in_a_folder(trained: Caller) -> None:
    """It was read line by line, though the files that were trained on are whole texts."""
    for label, text in {"pos": "so good\nand good\n", "neg": "so bad\nand bad\n"}.items():
        (trained.folder / "all" / label).mkdir(parents=True)
        for k in range(3):
            (trained.folder / "all" / label / f"{k}.txt").write_text(text)
    spec = SPEC.replace('"reviews.csv", review = "The Text"', '"all", by = "characters"')
    (trained.folder / "files.nn").write_text(spec.replace("(9", "(20"))
    assert trained("train", "files.nn", "--threads", "1").code == 0
    path = "all/pos/1.txt"
    (row,) = trained("predict", "files.nn", path, "--json").data
    (same,) = trained("predict", "files.nn", f"review={path}", "--json").data
    in_turn = trained("predict", "files.nn", "all", "--json").data
    again = next(found for found in in_turn if found["file"] == "pos/1.txt")
    for found in (same, again):
        wanted = pytest.approx(row["label"]["probabilities"])
        assert found["label"]["probabilities"] == wanted


def test_a_file_of_text_that_is_not_there_is_no_text(trained: Caller) -> None:
    """Its name was taken for the text."""
    found = trained("predict", "reviews.nn", "review=letter.txt")
    assert found.code == 2 and "review: there is no file letter.txt" in found.err
    assert trained("predict", "reviews.nn", "review=good as in letter.txt").code == 0
