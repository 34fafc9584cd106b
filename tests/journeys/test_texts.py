"""Reviews, as they were exported from somewhere, to what a new one says; and sounds to names."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.runtime.cli.calling import Caller
from tests.runtime.data.folders.test_sounds import tone, wav

GOOD, BAD = ["good", "great", "lovely", "superb"], ["bad", "awful", "dull", "poor"]
OTHERS = ["the", "a", "film", "plot", "was", "is", "very", "so", "it", "and"]
SPEC = """
model mood(review : seq class(40)) -> [2] {
    review |> embedding(40, 8) |> time_mean |> dense(2)
}
model name(review : seq class(40)) -> class(2) { argmax(mood(review)) }
data reviews(review : seq class(40), label : class(2)) = texts(
    "reviews.csv", review = "Review Text", label = "sentiment", longest = 30
)
train on reviews {
    minimize cross_entropy(mood(review), label)
    report accuracy = accuracy(mood(review), label)
    using adam(lr = 3e-2), batch 16, epochs 10
}
"""
TONES = """
model pitch(sound : [800]) -> [2] { dense(16)(sound) |> relu |> dense(2) }
model name(sound : [800]) -> class(2) { argmax(pitch(sound)) }
data tones(sound : [800], label : class(2)) = audio("tones", rate = 8_000)
train on tones { minimize cross_entropy(pitch(sound), label) using adam, batch 4, epochs 8 }
"""


def reviews(count: int = 120) -> list[tuple[str, str]]:
    """Texts of which a few words say what they are."""
    draw, found = Random(0), []
    for number in range(count):
        words = [draw.choice(OTHERS) for _ in range(draw.randint(3, 9))]
        words.insert(draw.randrange(len(words)), draw.choice((BAD, GOOD)[number % 2]))
        found.append((" ".join(words).capitalize() + ".", ("negative", "positive")[number % 2]))
    return found


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    """`gradc` in the folder where the data are."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f'{k};"{t}";{label}\r\n' for k, (t, label) in enumerate(reviews()))
    (tmp_path / "reviews.csv").write_text(f"\ufeffId;Review Text;sentiment\r\n{rows}")
    return Caller(tmp_path, capsys)


def test_from_a_table_of_reviews_to_what_a_new_one_says(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "reviews.nn").write_text(SPEC)
    assert call("check", "reviews.nn").code == 0
    trained = call("train", "reviews.nn")
    assert trained.code == 0, trained.err
    weights = ("--weights", "runs/reviews")
    said = call("run", "reviews.nn", "name", *weights, "review=What a SUPERB, lovely film")
    assert said.out.strip() == "positive"
    (answer,) = call("predict", "reviews.nn", "review=great", "--json").data
    assert answer["label"]["class"] == "positive"
    (tmp_path / "letter.txt").write_text("It is awful.\nAnd dull.")
    said = call("run", "reviews.nn", "name", *weights, "review=letter.txt")
    assert said.out.strip() == "negative"
    new = "".join(f"{label}\t{text}\n" for text, label in reviews(20))
    (tmp_path / "new.txt").write_text(new)
    measured = call("eval", "reviews.nn", *weights, "--data", "new.txt", "--json").data
    assert measured["examples"] == 20 and measured["accuracy"] > 0.9


def test_a_folder_of_texts_for_each_class(call: Caller, tmp_path: Path) -> None:
    for number, (text, label) in enumerate(reviews(40)):
        (tmp_path / "mail" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "mail" / label / f"{number}.txt").write_text(text)
    spec = SPEC.replace('"reviews.csv", review = "Review Text", label = "sentiment"', '"mail"')
    (tmp_path / "mail.nn").write_text(spec)
    assert "32 examples to train on, 8 held out" in call("train", "mail.nn").err


def test_from_a_folder_of_sounds_to_the_name_of_one(call: Caller, tmp_path: Path) -> None:
    for name, frequency in (("high", 900), ("low", 200)):
        (tmp_path / "tones" / name).mkdir(parents=True)
        for number in range(12):
            data = wav(tone(frequency + 5 * number, 22_050), 22_050, channels=2)
            (tmp_path / "tones" / name / f"{number}.wav").write_bytes(data)
    (tmp_path / "tones.nn").write_text(TONES)
    assert call("train", "tones.nn").code == 0
    (tmp_path / "new.wav").write_bytes(wav(tone(915, 16_000), 16_000))
    (answer,) = call("predict", "tones.nn", "new.wav", "--json").data
    assert answer["label"]["class"] == "high"
    said = call("run", "tones.nn", "name", "--weights", "runs/tones", "sound=new.wav")
    assert said.out.strip() == "high"


def test_mistakes_with_texts_are_one_line(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "reviews.nn").write_text(SPEC.replace('review = "Review Text", ', ""))
    wrong = call("train", "reviews.nn")
    assert wrong.code == 1 and "reviews.csv: no column review" in wrong.err
    (tmp_path / "reviews.nn").write_text(SPEC.replace("class(2)", "class(1)").replace("2", "1"))
    assert "label has 2 names (negative, positive), but label : class(1)" in call(
        "train", "reviews.nn", "--data", "reviews.csv"
    ).err.replace("\n", " ")
