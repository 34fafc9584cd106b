"""`gradc predict`: from new rows to answers in the words of the data, in every form of file."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gradc_runtime.cli.run_command import run
from tests.runtime.cli.calling import SPECS, Caller

PEOPLE = "Customer Age;Home City;Bought?\n34;Rome;yes\nNA;Berlin;no\n51;Paris;maybe\n"
SPEC = """
model net(age : scalar, city : class(3)) -> [3] {
    concat(stack(age), one_hot(city, 3)) |> dense(8) |> relu |> dense(3)
}
data people(age : scalar, city : class(3), bought : class(3)) = csv("people.csv",
    age = "Customer Age", city = "Home City", bought = "Bought?",
    missing = "mean", standardised = "all")
train on people {
    minimize cross_entropy(net(age, city), bought) + 0.0001 * l2(net)
    using adam(lr = 0.05), epochs 60, held_out 0
}
"""
DISCS = """
model find(image : [8, 8, 1]) -> [8, 8, 1] { image |> conv(1, 3x3, pad = 1) }
data scenes(image : [8, 8, 1], discs : [8, 8, 1]) = shapes(n = 20, size = 8)
train on scenes { minimize bce_logits(find(image), discs) using sgd }
"""
NEW = "Home City;Customer Age\nBerlin;\nRome;33\n"  # no label


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec, its table, and a run."""
    folder = tmp_path_factory.mktemp("people")
    (folder / "people.csv").write_text(PEOPLE)
    (folder / "people.nn").write_text(SPEC.replace(",\n    ", ", "))
    (folder / "new.csv").write_text(NEW)
    place = ("--target", "reference", "--out", str(folder / "runs"))
    assert run(["train", str(folder / "people.nn"), *place]) == 0
    return folder


@pytest.fixture
def people(call: Caller, trained: Path) -> Caller:
    shutil.copytree(trained, call.folder, dirs_exist_ok=True)
    return call


def predict(call: Caller, *words: str) -> str:
    """What the last run says."""
    answer = call("predict", "people.nn", *words, "--target", "reference")
    assert answer.code == 0, answer.err
    assert answer.err.startswith("weights of runs/people, the last run of people\n")
    return answer.out


def test_new_rows_need_no_label_and_answers_have_names(people: Caller) -> None:
    rows = [line.split() for line in predict(people, "new.csv").splitlines() if line.strip()]
    assert rows[0] == ["row", "bought", "bought_probability"]
    assert [row[:2] for row in rows[2:]] == [["1", "no"], ["2", "yes"]]
    assert all(0.5 < float(row[2]) <= 1 for row in rows[2:])
    one = predict(people, "age=34", "city=Rome").split()
    assert one[:2] == ["bought", "bought_probability"] and one[3] == "yes"


def test_the_file_of_answers_is_what_its_name_says(people: Caller) -> None:
    for name in ("a.csv", "a.json", "a.npy", "a.npz"):
        predict(people, "new.csv", "--save", name)
    rows = list(csv.DictReader(io.StringIO((people.folder / "a.csv").read_text())))
    assert [row["bought"] for row in rows] == ["no", "yes"]
    data = json.loads((people.folder / "a.json").read_text())
    assert data == json.loads(predict(people, "new.csv", "--json"))
    probabilities = np.load(people.folder / "a.npy")
    assert np.array_equal(probabilities, np.load(people.folder / "a.npz")["bought"])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    for k, (row, datum) in enumerate(zip(rows, data, strict=True)):
        assert int(row["row"]) == datum["row"] == k + 1
        for place, name in enumerate(("maybe", "no", "yes")):
            assert float(row[f"bought={name}"]) == probabilities[k, place]
            assert datum["bought"]["probabilities"][name] == probabilities[k, place]
    refused = people("predict", "people.nn", "new.csv", "--save", "a.txt")
    assert (refused.code, "a.txt ends with none of them" in refused.err) == (2, True)


def test_the_likeliest_are_told_in_their_order(people: Caller) -> None:
    found = json.loads(predict(people, "new.csv", "--json", "--top", "2"))
    for row in found:
        likely = row["bought"]["probabilities"]
        assert len(likely) == 2 and next(iter(likely)) == row["bought"]["class"]
        assert sorted(likely.values(), reverse=True) == list(likely.values())
    predict(people, "new.csv", "--top", "2", "--save", "top.csv")
    head = (people.folder / "top.csv").read_text().splitlines()[0]
    assert head == "row,bought,bought_probability,bought_2,bought_2_probability"


def test_rows_from_standard_input(people: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NEW.encode())))
    assert predict(people, "-") == predict(people, "new.csv")


def test_rows_that_are_left_out_keep_the_numbers_of_the_others(people: Caller) -> None:
    text = (people.folder / "people.nn").read_text().replace('"mean"', '"drop"')
    (people.folder / "people.nn").write_text(text)
    assert people("train", "people.nn", "--target", "reference").code == 0
    (people.folder / "new.csv").write_text("Home City;Customer Age\nRome;\nRome;33\nParis;50\n")
    answer = people("predict", "people.nn", "new.csv", "--json", "--weights", "runs/people-2")
    assert [row["row"] for row in answer.data] == [2, 3]
    assert "1 row with gaps left out" in answer.err and "numbered as in the file" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch.csv"], "there is no file nosuch.csv; an input is written NAME=VALUE"),
        ([], "of what? give a file of examples, - or NAME=VALUE"),
        (["new.csv", "people.csv"], "give one file"),
        (["age=3"], "city : class(3) must be given, as in age=42.5 city=Berlin"),
        (["age=3", "city=Oslo"], 'city: "Oslo" is none of Berlin, Paris, Rome'),
        (["age=3", "city=Rome", "hat=1"], "no input is called hat"),
        (["odd.csv"], 'odd.csv:2: column Home City: "Oslo" is none of the categories'),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_one_line(
    people: Caller, words: list[str], message: str
) -> None:
    (people.folder / "odd.csv").write_text("Home City;Customer Age\nOslo;3\n")
    answer = people("predict", "people.nn", *words)
    assert answer.code in (1, 2) and answer.err.splitlines()[-1].startswith("gradc: ")
    assert message in answer.err


def test_estimates_have_the_measure_of_their_table(call: Caller) -> None:
    """Also where what is to be estimated was standardised: units of the table come out."""
    source = 'csv("points.csv", standardised = "all")'
    spec = call.spec.read_text().replace('csv("points.csv")', source)
    call.spec.write_text(spec.replace("epochs 3", "epochs 200"))
    assert call("train", call.spec, "--target", "reference").code == 0
    (call.folder / "new.csv").write_text("x\n0.5\n1.5\n")
    found = call("predict", call.spec, "new.csv", "--json", "--target", "reference").data
    assert [row["y"] for row in found] == pytest.approx([2.5, 5.5], abs=1e-3)
    assert call("predict", call.spec, "new.csv", "--top", "2").code == 2


def test_before_there_is_a_run(call: Caller) -> None:
    answer = call("predict", call.spec, "x=1")
    assert answer.code == 2 and "no run of line is in runs: train first" in answer.err


@pytest.mark.parametrize(
    ("spec", "words", "message"),
    [
        ("memory", ["xs=random"], "several steps make a prediction: --step plain or clipped"),
        ("gan", ["x=random"], "compares nothing with a field of its data"),
    ],
)  # fmt: skip
def test_specs_without_the_one_prediction(
    call: Caller, spec: str, words: list[str], message: str
) -> None:
    path = call.folder / f"{spec}.nn"
    path.write_bytes((SPECS / f"{spec}.nn").read_bytes())
    assert call("train", path, "--target", "reference", "--epochs", "0").code == 0
    answer = call("predict", path, *words, "--target", "reference")
    assert answer.code == 2 and message in answer.err


def test_sequences_and_images_go_into_files(call: Caller) -> None:
    for spec, words, name, form in (
        ("tagging", "columns=random", "a.npz", "sequences"),
        ("discs", "image=random", "a.npy", "[8, 8, 1]"),
    ):
        path = call.folder / f"{spec}.nn"
        path.write_text(DISCS if spec == "discs" else (SPECS / f"{spec}.nn").read_text())
        assert call("train", path, "--target", "reference", "--epochs", "0").code == 0
        given = (words, "--target", "reference", "--save")
        assert f"is {form}, which is no row" in call("predict", path, *given[:-1]).err
        assert call("predict", path, *given, name).code == 0
        assert call("predict", path, *given, "a.json").code == 0
        (row,) = json.loads((call.folder / "a.json").read_text())
        if spec == "tagging":
            found = np.load(call.folder / name)
            assert found["label"].shape[1:] == (10,) and len(row["label"]) == len(found["label"])
            assert {*row["label"][0]} == {"class", "probabilities"}
        else:
            found = np.load(call.folder / name)
            assert found.shape == (1, 8, 8, 1) and np.shape(row["discs"]) == (8, 8, 1)
            assert 0 <= found.min() <= found.max() <= 1


def test_the_line_after_training_is_a_command(call: Caller) -> None:
    answer = call("train", call.spec, "--target", "reference")
    last = answer.err.splitlines()[-1]
    assert last == (
        f"next: gradc predict {call.spec} NEW.csv; gradc eval {call.spec} --data NEW.csv"
    )
    (call.folder / "NEW.csv").write_text((call.folder / "points.csv").read_text())
    for command in last.removeprefix("next: ").split("; "):
        assert call(*command.split()[1:], "--target", "reference").code == 0
    elsewhere = call("train", call.spec, "--target", "reference", "--out", "other").err
    assert "NEW.csv --weights other/line" in elsewhere.splitlines()[-1]


def test_a_table_of_another_kind_is_read_by_the_same_columns(people: Caller) -> None:
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    wanted = predict(people, "new.csv")
    pandas.read_csv(people.folder / "new.csv", sep=";").to_parquet(people.folder / "new.parquet")
    assert predict(people, "new.parquet") == wanted
    table = pandas.read_csv(people.folder / "people.csv", sep=";")
    table.to_parquet(people.folder / "people.parquet")
    told = [
        people("eval", "people.nn", "--data", f"people.{kind}", "--target", "reference").out
        for kind in ("csv", "parquet")
    ]
    assert told[0] == told[1] and "precision" in told[0]


@pytest.mark.parametrize("age", ["1e400", "Infinity", "-Infinity"])
def test_an_input_that_is_not_finite_has_no_answer(people: Caller, age: str) -> None:
    """A table that says so is refused, and so is a command."""
    answer = people("predict", "people.nn", f"age={age}", "city=Rome", "--target", "reference")
    assert answer.code == 2 and f"age: {age} is not a finite number" in answer.err


def test_a_probability_of_one_half_is_one_class_everywhere(call: Caller) -> None:
    """`predict` says of a tie what `eval` counts it as."""
    (call.folder / "t.csv").write_text("x,y\n1,0\n2,1\n")
    (call.folder / "t.nn").write_text(
        "model f(x : scalar) -> scalar {\n    param w = 0\n    w * x\n}\n"
        'data d(x : scalar, y : scalar) = csv("t.csv")\n'
        "train on d { minimize bce_logits(f(x), y) using sgd }\n"
    )
    place = ("--target", "reference")
    assert call("train", "t.nn", "--epochs", "0", *place).code == 0
    said = call("predict", "t.nn", "x=1", "--save", "said.csv", *place)
    assert said.code == 0, said.err
    assert (call.folder / "said.csv").read_text().splitlines()[1] == "1,0,0.5"
    measured = call("eval", "t.nn", "--all", "--json", *place).data["fields"]["y"]
    assert measured["confusion"] == [[1, 0], [1, 0]]
