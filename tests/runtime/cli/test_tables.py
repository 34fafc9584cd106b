"""From a table as people have it to an answer in its own words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runtime.cli.calling import Caller

HEAD = "Customer Age;Home City;Sign-up Date;Bought?\n"
ROWS = "34;Rome;07.06.2021;yes\nNA;Berlin;01.02.2020;no\n51;Paris;03.04.2019;maybe\n"
SPEC = """
model net(age : scalar, city : class(3), joined : scalar) -> [3] {
    concat(stack(age, joined), one_hot(city, 3)) |> dense(8) |> relu |> dense(3)
}
model answer(age : scalar, city : class(3), joined : scalar) -> class(3) {
    argmax(net(age, city, joined))
}
data people(age : scalar, city : class(3), joined : scalar, bought : class(3)) = csv("people.csv",
    age = "Customer Age", city = "Home City", joined = "Sign-up Date",
    missing = "mean", standardised = "all")
train on people {
    minimize cross_entropy(net(age, city, joined), bought)
    using adam(lr = 0.05), epochs 60, held_out 0
}
"""


@pytest.fixture
def folder(call: Caller) -> Path:
    (call.folder / "people.csv").write_text(HEAD + ROWS)
    (call.folder / "people.nn").write_text(SPEC.replace(",\n    ", ", "))
    return call.folder


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_a_table_is_trained_on_and_answers_have_its_names(
    call: Caller, folder: Path, target: str
) -> None:
    assert call("train", "people.nn", "--target", target).code == 0
    kept = json.loads((folder / "runs" / "people" / "command.json").read_text())
    assert kept["encoding"]["classes"]["bought"] == ["maybe", "no", "yes"]
    weights = ("--weights", "runs/people", "--target", target)
    answer = call("run", "people.nn", "answer", "--at", "0:3", *weights)
    assert (answer.code, answer.out.split()) == (0, ["yes", "no", "maybe"])
    words = ("age=34", "city=Rome", "joined=2021-06-07")
    assert call("run", "people.nn", "answer", *words, *weights).out == "yes\n"
    missing = call("run", "people.nn", "answer", "age=NA", *words[1:], *weights)
    assert missing.code == 0

    (folder / "new.csv").write_text("Home City;Customer Age;Sign-up Date\nBerlin;;01.02.2020\n")
    new = call("run", "people.nn", "answer", "--data", "new.csv", "--at", "0", *weights)
    assert (new.code, new.out) == (0, "no\n")  # without a label, by the means of the first table
    there = call("eval", "people.nn", "--data", "people.csv", "--json", *weights)
    assert json.loads(there.out)["examples"] == 3


def test_what_a_table_does_not_know_is_one_line(call: Caller, folder: Path) -> None:
    assert call("train", "people.nn", "--epochs", "1").code == 0
    weights = ("--weights", "runs/people")
    words = {"age": "34", "city": "Rome", "joined": "2021-06-07"}
    for name, text, message in [
        ("city", "Oslo", 'city: "Oslo" is none of Berlin, Paris, Rome'),
        ("joined", "soon", 'joined: "soon" is no date such as %d.%m.%Y'),
        ("age", "old", "age: old is neither numbers (1,2,3), nor a .npy file, nor `random`"),
    ]:
        given = [f"{n}={t}" for n, t in {**words, name: text}.items()]
        answer = call("run", "people.nn", "answer", *given, *weights)
        assert answer.code == 2 and answer.err == f"gradc: {message}\n" and not answer.out


def test_a_resumed_run_keeps_what_the_numbers_stand_for(call: Caller, folder: Path) -> None:
    assert call("train", "people.nn", "--epochs", "2").code == 0
    assert call("train", "people.nn", "--epochs", "4", "--name", "whole").code == 0
    assert call("train", "people.nn", "--resume", "--epochs", "4").code == 0
    runs = [folder / "runs" / name / "metrics.jsonl" for name in ("people", "whole")]
    found = [[json.loads(line)["loss"] for line in run.read_text().splitlines()] for run in runs]
    assert found[0] == found[1] and len(found[0]) == 4


def test_the_numbers_of_a_damaged_run_are_not_believed(call: Caller, folder: Path) -> None:
    assert call("train", "people.nn", "--epochs", "1").code == 0
    path = folder / "runs" / "people" / "command.json"
    path.write_text(path.read_text().replace('"classes"', '"glasses"'))
    answer = call("run", "people.nn", "answer", "--at", "0", "--weights", "runs/people")
    assert answer.code == 1 and "command.json is damaged" in answer.err
