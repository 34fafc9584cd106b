"""`gradc exercise`: twelve derivatives by hand, checked as expressions and by their numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_runtime.cli.actions.exercise_check import Verdict, verdict_on
from gradc_runtime.cli.actions.exercise_text import (
    BLANK,
    EXERCISES,
    FOLDER,
    exercise_of,
    lines_of,
    replaced,
)
from gradc_runtime.cli.actions.exercise_values import Attempt, Truth
from tests.runtime.cli.calling import Caller


def handed_out(call: Caller, name: str) -> Path:
    assert call("exercise", name).code == 0
    return call.folder / "exercises" / f"{name}.nn"


def fill(path: Path, **lines: str) -> None:
    """Write these lines; `d_c2="2 * c2"`."""
    text = path.read_text()
    for name, said in lines.items():
        assert f"{name} = {BLANK}" in text
        text = text.replace(f"{name} = {BLANK}", f"{name} = {said}")
    path.write_text(text)


@pytest.fixture(autouse=True)
def _here(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.folder)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_answers_are_right_and_blanks_are_open(name: str) -> None:
    """The answers of each exercise are what the chain rule gives, and no more of them is told."""
    one = exercise_of(name)
    assert verdict_on(Attempt.of(one.source, one), Truth(one)).done
    text = one.for_learners()
    assert text.count(f"= {BLANK}\n") == len(one.lines) >= 4
    assert f"Exercise {one.number} of 12" in text and one.title in text


def test_every_file_is_an_exercise() -> None:
    assert {path.stem for path in FOLDER.glob("*.nn")} == {*EXERCISES}


def test_from_blanks_to_done(call: Caller) -> None:
    path = handed_out(call, "house")
    answer = call("exercise", "house")
    assert answer.code == 1 and "0 of 5 lines are right" in answer.words
    fill(path, d_c2="c2 + c2", d_price="2 * (price - paid)", d_theta1="d_price / 1")
    answer = call("exercise", "house")
    assert answer.code == 1 and "3 of 5 lines are right" in answer.words
    fill(path, d_c1="d_price", d_theta2="sqft * d_price")
    answer = call("exercise", "house")
    assert answer.code == 0 and "5 of 5 lines are right: done" in answer.words


def test_a_mistake_counts_once_and_is_shown_at_a_smallest_input(call: Caller) -> None:
    """Lines after a wrong one are judged by themselves."""
    path = handed_out(call, "house")
    fill(
        path, d_c2="c2", d_price="d_c2", d_theta1="d_price", d_c1="d_price", d_theta2="d_c1 * sqft"
    )
    answer = call("exercise", "house")
    assert answer.code == 1 and "4 of 5 lines are right" in answer.words
    assert "d_c2 is the first value that differs" in answer.out
    assert "yours 1 from d_c2 = c2 true 2 at theta1=1, and 0 for sqft, paid, theta2" in answer.words
    assert "c2 is read in loss = c2^2" in answer.words
    mistake = call("exercise", "house", "--json").data["mistake"]
    assert mistake["name"] == "d_c2" and mistake["yours"] == 1 and mistake["true"] == 2


def test_a_smallest_input_of_a_matrix(call: Caller) -> None:
    path = handed_out(call, "dense")
    fill(path, d_h="d_y @ W2", d_W2="contract(i, j : d_y[i] * a[j])")
    answer = call("exercise", "dense", "--json")
    assert answer.data["right"] == 1 and answer.data["wrong"] == ["d_W2"]
    at = answer.data["mistake"]["at"]
    flat = [x for array in at.values() for x in _flat(array)]
    assert sum(x != 0 for x in flat) <= 4 and all(x in (-1, 0, 1, 2) for x in flat)


def _flat(array: object) -> list[float]:
    return np.ravel(np.asarray(array)).tolist()


def test_hints_name_the_rule(call: Caller) -> None:
    handed_out(call, "curve")
    answer = call("exercise", "curve", "--hint")
    assert "hint for d_y" in answer.out and "y is read in loss = (y - wanted)^2" in answer.words


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("d_c2 = grad(loss, c2)", "grad() differentiates, and that is the exercise"),
        ("d_c2 = ___\n    loss = c2^2 / 2", "loss is another than the exercise's"),
        ("d_c2_ = ___", "has no line d_c2"),
    ],
)
def test_what_is_no_answer(call: Caller, line: str, said: str) -> None:
    path = handed_out(call, "house")
    path.write_text(path.read_text().replace("d_c2 = ___", line))
    answer = call("exercise", "house")
    assert answer.code == 2 and said in " ".join(answer.err.split())


def test_a_line_of_the_wrong_shape_is_told_where_it_stands(call: Caller) -> None:
    path = handed_out(call, "dense")
    fill(path, d_W2="d_y @ W2", d_b2="d_y")
    answer = call("exercise", "dense")
    assert answer.code == 1 and "error[E0301]" in answer.err and "d_y @ W2" in answer.err


def test_marks_are_worked_out_from_the_files(call: Caller) -> None:
    path = handed_out(call, "house")
    fill(path, d_c2="2 * c2", d_price="d_c2", d_theta1="1")
    (call.folder / "exercises" / "curve.nn").write_text("model curve(")
    (marks,) = call("exercise", "--json").data
    house, curve, *others = marks["exercises"]
    assert (house["right"], house["wrong"], house["state"]) == (2, ["d_theta1"], "begun")
    assert house["open"] == ["d_c1", "d_theta2"] and curve["state"] == "does not compile"
    assert {one["state"] for one in others} == {"not begun"}
    assert marks["right"] == 2 and marks["done"] == 0
    answer = call("exercise")
    assert (
        answer.code == 0 and "1 house The house" in answer.words and "2 of 5 begun" in answer.words
    )


def test_a_teacher_collects_folders(call: Caller) -> None:
    for name in ("ann", "ben"):
        (call.folder / name).mkdir()
        one = exercise_of("gan")
        (call.folder / name / "gan.nn").write_text(
            one.source.text if name == "ann" else one.for_learners()
        )
    answer = call("exercise", "--folder", "ann", "--folder", "ben", "--json")
    ann, ben = json.loads(answer.out)
    assert (ann["folder"], ann["done"], ben["done"]) == ("ann", 1, 0)
    assert "ann" in call("exercise", "--folder", "ann", "--folder", "ben").out


def test_again_keeps_what_was_written(call: Caller) -> None:
    path = handed_out(call, "house")
    fill(path, d_c2="2 * c2")
    assert call("exercise", "house", "--again").code == 0
    assert "d_c2 = ___" in path.read_text()
    assert "d_c2 = 2 * c2" in path.with_suffix(".nn.before").read_text()


def test_names_of_none(call: Caller) -> None:
    answer = call("exercise", "hause")
    assert answer.code == 2 and "no exercise is called hause; did you mean house?" in answer.err


def test_places_of_answers_are_replaced_from_the_end() -> None:
    one = exercise_of("house")
    spans = {line.span: "0" for line in lines_of(one.tree).values()}
    assert replaced(one.source.text, spans).count("= 0\n") == 5


WRONG = [  # right at numbers from a normal distribution, within one part in a million
    ("house", {"d_c2": "2 * c2 + 1e-9"}),
    ("house", {"d_c2": "2 * c2 * (1 + 1e-8)"}),
    ("house", {"d_theta2": "d_c1 * minimum(maximum(sqft, -10), 10)"}),
    ("house", {"d_theta2": "d_c1 * minimum(sqft, 1e9)"}),
    ("house", {"d_theta2": "d_c1 * sqft * (sqft > -20)"}),
    ("house", {"d_theta2": "d_c1 * sqft^2 / sqft"}),  # no number at 0
    ("house", {"d_theta1": "d_price * (sqft != 0)"}),
    ("house", {"d_theta2": "d_c1 * sqft + (sqft == 0)"}),
    ("house", {"d_theta2": "d_c1 * (abs(sqft + 25) - 25)"}),  # wrong below -25 only
    ("curve", {"d_a": "d_y * maximum(1 - y^2, 1e-7)"}),
    ("activations", {"d_a": "d_y * (a > 0) + d_y * (a < -40)"}),
    ("convolution", {"d_b": "sum(d_y) + (h[0] == h[1]) * 1e-12 * (y[0] > 0)"}),
    ("layer_norm", {"d_v": "-d_r * r^3 / 2 * (1 + 1e-9)"}),
]


@pytest.mark.parametrize(("name", "lines"), WRONG)
def test_what_is_wrong_far_away_or_by_little_is_wrong(name: str, lines: dict[str, str]) -> None:
    verdict = verdict_of(name, lines)
    assert [*verdict.wrong] == [*lines] and verdict.mistake is not None


RIGHT = [
    ("house", {"d_c2": "c2 + c2", "d_theta2": "2 * (price - paid) * sqft"}, "expression"),
    ("curve", {"d_a": "d_y * (1 - y) * (1 + y)"}, "expression"),
    ("curve", {"d_a": "d_y * 4 / (exp(a) + exp(-a))^2"}, "points"),  # all digits lost for large a
    ("activations", {"d_b": "d_y * exp(-b) / (1 + exp(-b))^2"}, "points"),
    ("activations", {"d_a": "d_y * (1 - (a <= 0))"}, "points"),
    ("softmax", {"d_z": "softmax(z) - one_hot(label, 3)"}, "points"),
    ("gan", {"d_logit": "-1 / (1 + exp(logit))"}, "points"),
    (
        "recurrence",
        {"d_W": "contract(i, j : h0[j] * d_a1[i]) + contract(i, j : h1[j] * d_a2[i])"},
        "expression",
    ),
    ("layer_norm", {"d_x": "d_u - mean(d_u)", "d_m": "-sum(d_n) * r - sum(u) * d_v / 2"}, ""),
]


@pytest.mark.parametrize(("name", "lines", "how"), RIGHT)
def test_other_spellings_are_right_and_it_is_told_how(
    name: str, lines: dict[str, str], how: str
) -> None:
    verdict = verdict_of(name, lines)
    assert verdict.done and not verdict.kinks
    assert all(how in verdict.right[line] for line in lines)


def test_another_convention_at_a_kink_is_told(call: Caller) -> None:
    """Where the derivative jumps there is none, so an answer that is right beside it is right."""
    verdict = verdict_of("activations", {"d_a": "d_y * (a >= 0)"})
    (kink,) = verdict.kinks
    assert verdict.done and kink.line.name == "d_a" and (kink.at["a"] == 0).any()
    fill(handed_out(call, "activations"), d_y="w", d_a="d_y * (a >= 0)")
    answer = call("exercise", "activations")
    assert "d_a is right beside a kink, and another at it" in answer.words
    assert call("exercise", "activations", "--json").data["at_kinks"] == ["d_a"]


def verdict_of(name: str, lines: dict[str, str]) -> Verdict:
    """What is said of the answers with other lines in them."""
    one = exercise_of(name)
    spans = {one.lines[line].span: said for line, said in lines.items()}
    return verdict_on(
        Attempt.of(Source(f"{name}.nn", replaced(one.source.text, spans)), one), Truth(one)
    )
