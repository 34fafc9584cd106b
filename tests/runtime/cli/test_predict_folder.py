"""`gradc predict` on a folder: every answer has the name of its file, in every form."""

from __future__ import annotations

import csv
import json

import pytest

from tests.runtime.cli.calling import Caller

PETS = """
model pet(image : [4, 4, 1]) -> [2] { image |> flatten |> dense(2) }
data pets(image : [4, 4, 1], label : class(2)) = images("pets")
train on pets { minimize cross_entropy(pet(image), label) using sgd, epochs 1 }
"""
MOODS = """
model mood(review : seq class(20)) -> [2] { review |> embedding(20, 4) |> time_mean |> dense(2) }
data moods(review : seq class(20), label : class(2)) = texts("moods")
train on moods { minimize cross_entropy(mood(review), label) using sgd, epochs 1 }
"""


@pytest.fixture
def pets(call: Caller) -> list[str]:
    """A trained network of pictures, and a folder of new ones; their names."""
    pillow = pytest.importorskip("PIL.Image")
    for name in ("pets/cats", "pets/dogs", "new"):
        (call.folder / name).mkdir(parents=True)
        for k in range(3):
            pillow.new("L", (4, 4), 40 * k).save(call.folder / name / f"{k} {name[-3:]}.png")
    (call.folder / "pets.nn").write_text(PETS)
    trained = call("train", "pets.nn", "--target", "reference")
    assert trained.code == 0 and "gradc predict pets.nn NEW.png" in trained.err.splitlines()[-1]
    return [f"{k} new.png" for k in range(3)]


@pytest.mark.parametrize("in_memory", ["1e9", "0"])
def test_the_file_of_every_picture_is_told(call: Caller, pets: list[str], in_memory: str) -> None:
    text = PETS.replace("epochs 1", f"epochs 1, in_memory {in_memory}")
    (call.folder / "pets.nn").write_text(text)
    given = ("pets.nn", "new", "--target", "reference")
    shown = call("predict", *given)
    assert shown.code == 0, shown.err
    assert [line for name in pets for line in shown.out.splitlines() if name in line][2:]
    assert "file" in shown.out.split() and "row" not in shown.out.split()
    data = call("predict", *given, "--json").data
    assert [(one["row"], one["file"]) for one in data] == list(enumerate(pets, 1))
    assert call("predict", *given, "--save", "a.csv").code == 0
    with (call.folder / "a.csv").open() as stream:
        assert [row["file"] for row in csv.DictReader(stream)] == pets
    assert call("predict", *given, "--save", "a.json").code == 0
    assert [one["file"] for one in json.loads((call.folder / "a.json").read_text())] == pets


def test_the_file_of_every_text_is_told(call: Caller) -> None:
    for name in ("moods/good", "moods/bad", "new"):
        (call.folder / name).mkdir(parents=True)
        for k in range(2):
            (call.folder / name / f"{k}.txt").write_text(f"a {name[-3:]} film {k}")
    (call.folder / "moods.nn").write_text(MOODS)
    assert call("train", "moods.nn", "--target", "reference").code == 0
    found = call("predict", "moods.nn", "new", "--target", "reference", "--json")
    assert found.code == 0, found.err
    assert [one["file"] for one in found.data] == ["0.txt", "1.txt"]
