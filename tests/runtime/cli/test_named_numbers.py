"""A run on numbers that are names: training, answers, measures, and the built program."""

from __future__ import annotations

import subprocess
from shutil import which

import pytest

from tests.runtime.cli.calling import Caller

SPEC = """model net(area : class(4), income : scalar) -> [5] {
    concat(one_hot(area, 4), stack(income)) |> dense(5)
}
data people(area : class(4), income : scalar, stars : class(5)) = csv("people.csv", SAID)
train on people { minimize cross_entropy(net(area, income), stars) using sgd(lr = 0.1), epochs 2 }
"""
ROWS = "".join(f"{10115 + 9 * (k % 3)};{k},5;{1 + 2 * (k % 3)}\n" for k in range(12))
SAID = 'categories = "area, stars", standardised = "all"'


@pytest.fixture
def trained(call: Caller) -> Caller:
    """A run whose numbers have decimal commas, and whose areas and stars are codes."""
    (call.folder / "people.csv").write_text("area;income;stars\n" + ROWS)
    (call.folder / "people.nn").write_text(SPEC.replace("SAID", SAID))
    found = call("train", "people.nn", "--threads", "1")
    assert found.code == 0, found.err
    return call


def test_what_is_missing_is_said_with_the_mend(call: Caller) -> None:
    (call.folder / "people.csv").write_text("area;income;stars\n" + ROWS)
    (call.folder / "people.nn").write_text(SPEC.replace(", SAID", ""))
    found = call("check", "people.nn")
    assert found.code == 1
    said = 'people.csv:2: column area: "10115" is outside class(4) of area, which allows 0 to 3; if'
    assert said in found.err and 'say categories = "area"' in found.err


def test_answers_have_the_names_and_none_twice(trained: Caller) -> None:
    found = trained("predict", "people.nn", "area=10124", "income=3,5", "--top", "5", "--json")
    assert found.code == 0, found.err
    (row,) = found.data
    assert sorted(row["stars"]["probabilities"]) == ["(class 3)", "(class 4)", "1", "3", "5"]
    refused = trained("predict", "people.nn", "area=10116", "income=3,5")
    assert refused.code == 2 and 'area: "10116" is none of 10115, 10124, 10133' in refused.err


def test_numbers_on_the_command_line_are_those_of_the_table(trained: Caller) -> None:
    def answer(income: str) -> tuple[str, str]:
        found = trained("predict", "people.nn", "area=10124", f"income={income}", "--json")
        return found.out, found.err

    assert answer("3,5")[0] == answer("3.5")[0] != answer("35")[0]
    assert answer("1.250,5")[0] == answer("1250.5")[0]
    out, said = answer("12.345")
    assert out == answer("12345")[0]
    assert "note: income=12.345 is read as 12345, as in the table" in said


def test_a_decimal_comma_is_named_where_others_are_one_example(call: Caller) -> None:
    (call.folder / "people.csv").write_text(
        "area,income,stars\n" + ROWS.replace(",5;", ".5;").replace(";", ",")
    )
    (call.folder / "people.nn").write_text(SPEC.replace("SAID", SAID))
    assert call("train", "people.nn", "--threads", "1").code == 0
    for words in (("predict", "people.nn"), ("run", "people.nn", "--weights", "runs/people")):
        found = call(*words, "area=10124", "income=40000,50")
        assert found.code == 2
        said = "income: 40000,50 is two examples, and others are one; a decimal sign is a point"
        assert f"{said} here: income=40000.50" in found.err


def test_the_built_program_has_the_same_names(trained: Caller) -> None:
    if which("cc") is None:
        pytest.skip("no C compiler")
    (trained.folder / "new.csv").write_text("area;income\n10133;1,5\n10115;7,25\n")
    wanted = trained("predict", "people.nn", "new.csv", "--save", "said.csv")
    assert wanted.code == 0, wanted.err
    built = trained("build", "people.nn", "--weights", "runs/people", "-o", "built")
    assert built.code == 0, built.err
    said = subprocess.run(
        ["built/people", "new.csv"], cwd=trained.folder, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    ours = (trained.folder / "said.csv").read_text().splitlines()
    assert said[0].split(",") == ours[0].split(",") and "stars=(class 3)" in said[0]
    assert [row.split(",")[1] for row in said] == [row.split(",")[1] for row in ours]


def test_the_scale_of_what_is_predicted_is_no_matter_of_inputs(call: Caller) -> None:
    """It was said that no input is called so, though the answer is in the table's units."""
    (call.folder / "n.csv").write_text("a,b\n" + "".join(f"{k},{9 * k}\n" for k in range(8)))
    (call.folder / "n.nn").write_text(
        "model f(a : scalar) -> scalar { stack(a) |> dense(1) |> as(scalar) }\n"
        'data d(a : scalar, b : scalar) = csv("n.csv", standardised = "all")\n'
        "train on d { minimize (f(a) - b)^2 using sgd(lr = 0.1), epochs 1 }\n"
    )
    assert call("train", "n.nn", "--threads", "1").code == 0
    assert "scale" not in call("predict", "n.nn", "a=3").err
    assert (
        "a result is given on that scale" in call("run", "n.nn", "--weights", "runs/n", "a=3").err
    )
