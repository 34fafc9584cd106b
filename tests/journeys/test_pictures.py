"""A folder of photos, as people have it, to the name of what is on a new one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.runtime.cli.calling import Caller
from tests.runtime.data.folders.drawn import pictures, saved

SPEC = """
model pet(image : [16, 16, 3]) -> [3] {
    image |> conv(8, 3x3, stride = 2) |> relu |> flatten |> dense(3)
}
model name(image : [16, 16, 3]) -> class(3) { argmax(pet(image)) }
data pets(image : [16, 16, 3], label : class(3)) = images("pets", flip = "horizontal", shift = 0.1)
train on pets {
    minimize cross_entropy(pet(image), label)
    report accuracy = accuracy(pet(image), label)
    using adam(lr = 5e-3), batch 8, epochs 8
}
"""


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    """`gradc` in the folder where the photos and the spec are."""
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "pets", each=12, size=(24, 32))
    (tmp_path / "pets.nn").write_text(SPEC)
    return Caller(tmp_path, capsys)


def test_from_photos_to_the_name_of_a_new_one(call: Caller, tmp_path: Path) -> None:
    assert call("check", "pets.nn").code == 0
    trained = call("train", "pets.nn")
    assert trained.code == 0, trained.err
    green = np.full((40, 30, 3), (10, 190, 20), np.uint8)
    (tmp_path / "photo.jpg").write_bytes(saved(green, "JPEG"))
    (answer,) = call("predict", "pets.nn", "photo.jpg", "--json").data
    assert answer["label"]["class"] == "dogs"
    weights = ("--weights", "runs/pets")
    assert call("run", "pets.nn", "name", *weights, "image=photo.jpg").out.strip() == "dogs"
    likely = call("predict", "pets.nn", "photo.jpg", "--top", "2", "--json").data[0]["label"]
    assert likely["class"] == "dogs" and next(iter(likely["probabilities"])) == "dogs"
    pictures(tmp_path / "more", each=3)
    measured = call("eval", "pets.nn", *weights, "--data", "more", "--json").data
    assert measured["examples"] == 9 and measured["accuracy"] == 1
    named = call("run", "pets.nn", "name", *weights, "--data", "more/owls", "--at", "0:2")
    assert named.out.split() == ["owls", "owls"]
    owls = call("predict", "pets.nn", "more/owls", "--json").data
    assert [row["label"]["class"] for row in owls] == ["owls"] * 3


def test_pictures_that_do_not_fit_are_read_while_the_network_trains(call: Caller) -> None:
    said = call("train", "pets.nn", "--set", "in_memory=0", "--set", "epochs=2").err
    assert "29 examples to train on, 7 held out; read while the network trains" in said


def test_mistakes_with_pictures_are_one_line(call: Caller, tmp_path: Path) -> None:
    first = (tmp_path / "pets.nn").read_text()
    (tmp_path / "pets.nn").write_text(first.replace("[16, 16, 3]", "[3, 16, 16]"))
    assert "channels come last" in call("train", "pets.nn").err
    (tmp_path / "pets.nn").write_text(first)
    (tmp_path / "pets" / "cats" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    wrong = call("train", "pets.nn")
    assert wrong.code == 1 and "pets/cats/cut.png: damaged or not a picture" in wrong.err
    assert "no file photo.png" in call("run", "pets.nn", "name", "image=photo.png").err
