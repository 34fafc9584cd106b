"""`gradc diff`: two spellings are equal, two functions are told apart by an input."""

from __future__ import annotations

import pytest

from tests.runtime.cli.calling import LINE, SPECS, Caller

CIRCLE = SPECS / "circle.nn"


def other(call: Caller, old: str, new: str, text: str = LINE) -> str:
    """A spec beside `line.nn` in which something is written otherwise."""
    assert old in text
    (call.folder / "other.nn").write_text(text.replace(old, new))
    return "other.nn"


@pytest.fixture(autouse=True)
def _here(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# a line", "# the line", "the same graph after the laws of algebra"),
        ("slope = a * x", "slope = x * a", "the same graph after the laws of algebra"),
        ("(line(x) - y)^2", "(y - line(x)) * (y - line(x))", "by the laws of real numbers"),
        ("slope + b", "a * (x + b / a)", "by the laws of real numbers"),
        ("slope + b", "log(exp(slope) * exp(b))", "the same numbers, graphs of"),
    ],
)
def test_spellings_of_the_same_are_equal(call: Caller, old: str, new: str, said: str) -> None:
    answer = call("diff", "line.nn", other(call, old, new))
    assert answer.code == 0 and "line.nn and other.nn are equal" in answer.out
    assert said in answer.words


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("slope = a * x", "slope = a * minimum(x, 20)"),
        ("slope = a * x", "slope = a * x + 1e-9"),
        ("slope = a * x", "slope = a * x * (1 + 1e-8)"),
        ("slope = a * x", "slope = a * (maximum(x + 30, 0) - 30)"),
        ("slope = a * x", "slope = a * where(abs(x) < 1e-9, 1, x)"),
    ],
)
def test_what_differs_far_away_or_by_little_differs(call: Caller, old: str, new: str) -> None:
    """Numbers from one normal distribution, held to one part in a million, would not show it."""
    answer = call("diff", "line.nn", other(call, old, new))
    assert answer.code == 1 and "line.nn and other.nn differ" in answer.out


def test_where_a_function_jumps_a_convention_decides(call: Caller) -> None:
    """relu written two ways has derivatives that differ at 0 only, where there is none."""
    (call.folder / "a.nn").write_text("model f(x : [2]) -> scalar { sum(maximum(x, 0)) }")
    (call.folder / "b.nn").write_text("model f(x : [2]) -> scalar { sum(x * (x >= 0)) }")
    assert call("diff", "a.nn", "b.nn").code == 0


def test_names_do_not_count(call: Caller) -> None:
    renamed = LINE.replace("line(x", "straight(x").replace("param a", "param m")
    renamed = renamed.replace("a * x", "m * x").replace("slope", "steep")
    (call.folder / "other.nn").write_text(renamed)
    answer = call("diff", "line.nn", "other.nn")
    assert answer.code == 0, answer.out
    assert "line is straight in the second" in answer.words
    assert "line.a is straight.m" in answer.words


def test_a_layer_and_what_it_stands_for(call: Caller) -> None:
    """`dense(3) |> tanh` and the same with its parameters written out."""
    (call.folder / "a.nn").write_text("model f(x : [2]) -> [3] { x |> dense(3) |> tanh }")
    (call.folder / "b.nn").write_text(
        "model f(x : [2]) -> [3] {\n param V : [3, 2] ~ glorot_uniform\n param c : [3] = 0\n"
        " tanh(contract(i : x[j] * V[i, j]) + c)\n}"
    )
    answer = call("diff", "a.nn", "b.nn")
    assert answer.code == 0 and "f.dense1.W is f.V" in answer.words


def test_a_witness_is_shown(call: Caller) -> None:
    answer = call("diff", "line.nn", other(call, "slope + b", "slope + b * x"))
    assert answer.code == 1 and "line.nn and other.nn differ" in answer.out
    data = call("diff", "line.nn", "other.nn", "--json").data
    assert data["equal"] is False
    first = next(one for one in data["findings"] if "at" in one)
    assert first["about"] == "model line: result" and first["a"] != first["b"]
    assert all(abs(x) in (0, 1, 2) for x in (first["at"]["x"][0], first["at"]["line.b"]))


def test_the_first_named_value_that_differs(call: Caller) -> None:
    answer = call("diff", "line.nn", other(call, "slope = a * x", "slope = a * abs(x)"))
    assert "slope is the first named value that differs: lines 5 and 5" in answer.words


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("param b = 0", "param b : [1] = 0\n    param c = 1", "line.c only in the second"),
        ("lr = 0.05", "lr = 0.1", "sgd(lr = 0.05), and sgd(lr = 0.1"),
        ("batch 4", "batch 8", "batch 4"),
    ],
)
def test_what_else_may_differ(call: Caller, old: str, new: str, said: str) -> None:
    text = LINE.replace("slope + b", "slope + sum(b)")
    (call.folder / "line.nn").write_text(text)
    answer = call("diff", "line.nn", other(call, old, new, text))
    assert answer.code == 1 and said in answer.words, answer.out


def test_first_values_and_cost_are_told_and_do_not_count(call: Caller) -> None:
    answer = call("diff", "line.nn", other(call, "param a = 2", "param a = 3"))
    assert answer.code == 0 and "begin otherwise: line.a" in answer.words
    answer = call("diff", "line.nn", other(call, "(line(x) - y)^2", "((line(x) - y)^2 + 0 * y)"))
    assert answer.code == 0


@pytest.mark.parametrize("name", ["row_digits", "gan", "vae"])
def test_a_spec_is_equal_to_itself(call: Caller, name: str) -> None:
    answer = call("diff", SPECS / f"{name}.nn", SPECS / f"{name}.nn")
    assert answer.code == 0 and "only in" not in answer.out


def test_sequences_are_compared_by_numbers_too(call: Caller) -> None:
    text = "model f(xs : seq [2]) -> seq [2] { xs |> scan(elman(2)) }"
    (call.folder / "a.nn").write_text(text)
    (call.folder / "b.nn").write_text(text.replace("elman(2))", "elman(2)) |> reverse |> reverse"))
    assert call("diff", "a.nn", "b.nn").code == 0
    (call.folder / "b.nn").write_text(text.replace("elman(2))", "elman(2), backwards = true)"))
    answer = call("diff", "a.nn", "b.nn")
    assert answer.code == 1 and "model f: result differs" in answer.words


def test_a_wrong_spec_is_trouble(call: Caller) -> None:
    (call.folder / "wrong.nn").write_text("model f(x : [2]) -> [3] { y }")
    answer = call("diff", "line.nn", "wrong.nn")
    assert answer.code == 2 and "error[E" in answer.err
    assert call("diff", "line.nn", "none.nn").code == 2


STEP = """model f(x : [3]) -> [2] { x |> dense(4) |> batch_norm(momentum = 0.1) |> dense(2) }
data d(x : [3], k : class(2)) = csv("n.csv")
train on d {
    minimize cross_entropy(f(x), k)
    using sgd(lr = 0.1 / (1 + 0.1))
    report acc = accuracy(f(x), k)
}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("momentum = 0.1", "momentum = 0.2", "next f.batch_norm1.running_var differs"),
        ("cross_entropy(f(x), k)\n", "cross_entropy(f(x), k) over f.dense1\n", "f.dense2.W only"),
        ("acc = accuracy", "acc = 1 - accuracy", "report acc differs"),
        ("    report acc = accuracy(f(x), k)\n", "", "report acc only in the first"),
    ],
)
def test_all_that_a_step_gives_is_compared(call: Caller, old: str, new: str, said: str) -> None:
    (call.folder / "step.nn").write_text(STEP)
    answer = call("diff", "step.nn", other(call, old, new, STEP))
    assert answer.code == 1 and said in answer.words, answer.out


def test_a_report_of_the_loss_adds_nothing(call: Caller) -> None:
    (call.folder / "step.nn").write_text(STEP.replace("minimize ", "l = ").replace(
        "    using", "    minimize l\n    using"))  # fmt: skip
    text = (call.folder / "step.nn").read_text()
    answer = call("diff", "step.nn", other(call, "report acc", "report same = l, acc", text))
    assert answer.code == 0, answer.out


def test_where_examples_come_from_is_told_and_does_not_count(call: Caller) -> None:
    (call.folder / "step.nn").write_text(STEP)
    answer = call("diff", "step.nn", other(call, "n.csv", "m.csv", STEP))
    assert answer.code == 0 and "csv('n.csv'), and csv('m.csv')" in answer.words
