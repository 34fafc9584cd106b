"""Sequences on the command line: training, resuming, running, sampling and decoding."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gradc_runtime.session.checkpoint import NamedTensors, read_checkpoint
from tests.runtime.cli.calling import Caller

REFERENCE = ("--target", "reference")
TURNED = """# says a word backwards
model turned(xs : seq class(5), before : seq(m) class(5)) -> seq(m) [5] {
    read = xs |> embedding(5, 3) |> scan(elman(4)) |> last
    before |> embedding(5, 3) |> scan(elman(4), start = read) |> dense(5)
}
data words(xs : seq class(5), ys : seq(m) class(5), before : seq(m) class(5)) = reversal(
    40, symbols = 4, longest = 5
)
train on words {
    minimize cross_entropy(turned(xs, before), ys)
    using adam(lr = 0.01), batch 8, epochs 2
    report right = accuracy(turned(xs, before), ys)
}
"""
SAYS = """
model say(xs : seq class(8)) -> seq [8] { xs |> embedding(8, 3) |> scan(elman(4)) |> dense(8) }
data letters(xs : seq(n) class(8), ys : seq(n) class(8)) = text("a.txt", window = 7)
train on letters { minimize cross_entropy(say(xs), ys) using adam, batch 4, epochs 1 }
"""
SIZE = """
model reach(turned : seq [5]) -> scalar { param a = 1; a * norm(time_sum(turned)) }
data d(turned : seq [5]) = npz("a.npz")
train on d { minimize reach(turned) using sgd }
"""


@pytest.fixture
def turned(call: Caller) -> Path:
    """A spec of sequences."""
    path = call.folder / "turned.nn"
    path.write_text(TURNED)
    return path


@pytest.fixture
def says(call: Caller) -> Path:
    """A character model of a small text."""
    (call.folder / "a.txt").write_text("a cab, a bad cab!\n" * 20)
    path = call.folder / "says.nn"
    path.write_text(SAYS)
    return path


def words_of(run: Path) -> dict[str, bytes]:
    """Everything that persists in the newest checkpoint."""
    newest = NamedTensors(run / "checkpoints").paths()[0]
    return {name: array.tobytes() for name, array in read_checkpoint(newest).tensors.items()}


def test_a_resumed_run_has_the_bits_of_one_that_was_not_stopped(call: Caller, turned: Path) -> None:
    first = call("train", turned, "--epochs", "1", "--name", "cut", *REFERENCE)
    assert first.code == 0 and "32 examples to train on, 8 held out" in first.err
    assert call("train", turned, "--epochs", "2", "--resume", "cut", *REFERENCE).code == 0
    assert call("train", turned, "--epochs", "2", "--name", "whole", *REFERENCE).code == 0
    runs = call.folder / "runs"
    assert words_of(runs / "cut") == words_of(runs / "whole")
    answer = call("eval", turned, "--weights", "runs/whole", "--json")
    last = json.loads((runs / "whole" / "metrics.jsonl").read_text().splitlines()[-1])
    assert answer.data["loss"] == pytest.approx(last["held_out.loss"], rel=1e-6)


def test_sequences_are_printed_saved_and_read_again(call: Caller, turned: Path) -> None:
    answer = call("run", turned, "xs=[[1,2,3],[4]]", "before=[[0,3],[0]]", "--json", *REFERENCE)
    assert [np.shape(rows) for rows in answer.data["turned"]] == [(2, 5), (1, 5)]
    one = call("run", turned, "xs=[1,2,3]", "before=[0,3]", "--json", *REFERENCE)
    np.testing.assert_allclose(one.data["turned"][0], answer.data["turned"][0], rtol=1e-6)
    taken = call("run", turned, "--at", "0:3", "--save", "a.npz", *REFERENCE)
    assert taken.code == 0 and "turned_lengths [3] to a.npz" in taken.err
    with np.load("a.npz") as saved:
        assert saved["turned"].shape == (saved["turned_lengths"].sum(), 5)
    (call.folder / "again.nn").write_text(SIZE)
    again = call("run", "again.nn", "--at", "0:3", "--json", *REFERENCE)
    assert len(again.data["reach"]) == 3, again.err


def test_an_answer_ends_where_the_network_ends_it(call: Caller, turned: Path) -> None:
    assert call("train", turned, "--epochs", "1", *REFERENCE).code == 0
    given = ("--weights", "runs/turned", *REFERENCE)
    answer = call("run", turned, "--decode", "4", "xs=abca", "--json", *given)
    assert len(answer.data) == 1
    classes = answer.data[0]["classes"]
    assert 1 <= len(classes) <= 4 and 0 not in classes[:-1]
    letters = "".join("_abcd"[k] for k in classes if k)
    assert answer.data[0]["text"] == letters
    both = call("run", turned, "--decode", "4", "xs=[[1,2,3,1],[2]]", "--json", *given)
    assert both.data[0]["classes"] == classes
    assert call("run", turned, "--decode", "4", "xs=abca", *given).out == f"{letters}\n"


def test_a_sample_is_a_function_of_the_seed(call: Caller, says: Path) -> None:
    assert call("train", says, *REFERENCE).code == 0

    def sample(*more: str) -> str:
        given = ("--sample", "30", "--prompt", "a ", "--weights", "runs/says", *more, *REFERENCE)
        answer = call("run", says, *given)
        assert answer.code == 0, answer.err
        return answer.out

    first = sample("--seed", "1")
    assert len(first.rstrip("\n")) <= 32 and first.startswith("a ")
    assert sample("--seed", "1") == first
    assert sample("--seed", "2") != first
    assert sample("--seed", "1", "--examples", "3").startswith(first[:2])
    call("run", says, "--sample", "9", "--examples", "3", "--save", "s.npz", *REFERENCE)
    with np.load("s.npz") as saved:
        assert saved["say_lengths"].tolist() == [9, 9, 9]
    likeliest = sample("--seed", "1", "--temperature", "0")
    assert sample("--seed", "2", "--temperature", "0") == likeliest


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("xs=abx", "--decode", "3"), "xs: 'x' is none of 'abcd'"),
        (("xs=[1,2]", "before=[0]", "--decode", "3"), "no input is called before; there are xs"),
        (("xs=[1,2]", "before=[0,9]"), "before: 9 of sample 0, step 1 is outside class(5)"),
        (("xs=[[1],[2]]", "before=[0]"), "at least one: xs has 2, before has 1"),
        (("xs=ab", "--sample", "3", "--examples", "2"), "--examples is for a model that reads n"),
        (("xs=ab", "--sample", "3", "--temperature", "nan"), "a temperature is 0 or more"),
        (("xs=[1]", "before=[0]", "--prompt", "a"), "--prompt begins what --sample N or --deco"),
        (("--at", "40"), "reversal() has the examples 0 to 39"),
        (("--at", "0", "--save", "a.npy"), "sequences are saved as .npz, beside their lengths"),
        (("--at", "x"), "x is neither a number (3) nor a range (0:10)"),
        (("xs=[1]",), "before : seq class(5) must be given"),
    ],
)
def test_wrong_sequences_get_one_line(
    call: Caller, turned: Path, arguments: tuple[str, ...], expected: str
) -> None:
    answer = call("run", turned, *arguments, *REFERENCE)
    assert answer.code != 0
    assert expected in answer.err


def test_only_a_model_that_scores_what_it_reads_can_write(call: Caller) -> None:
    answer = call("run", call.spec, "--sample", "3", *REFERENCE)
    assert answer.code == 1
    assert "line cannot write: that takes one sequence of classes" in answer.err


def test_every_value_of_an_example_is_explained(call: Caller, turned: Path) -> None:
    given = ("xs=[1,2]", "before=[0,2,1]", "ys=[2,1,0]")
    answer = call("explain", turned, *given, "--json")
    assert answer.code == 0, answer.err
    states = [n for n in answer.data["nodes"] if np.shape(n["value"]) == (3, 4)]
    assert states and all(np.shape(node["adjoint"]) == (3, 4) for node in states)
    wrong = call("explain", turned, "xs=[1,2]", "before=[0,2,1]", "ys=[2,1]")
    assert "before: sample 0 has 3 elements, but that of ys 2, and both are seq(m)" in wrong.err


ALONE = """
model read(xs : seq class(5)) -> [4] { xs |> embedding(5, 3) |> scan(elman(4)) |> last }
cell alone(s : (h : [4], y : [5]), z) -> (h : [4], y : [5]) {
    h = elman(4)(s.h, argmax(s.y) |> embedding(5, 3))
    (h, h |> dense(5))
}
model said(xs : seq class(5)) -> seq(6) class(5) {
    z = read(xs)
    s = z |> unfold(6, alone, start = (z, zeros([5])), all = true)
    argmax(s.y)
}
data words(xs : seq class(5), ys : seq class(5)) = reversal(40, symbols = 4, longest = 5)
train on words { minimize norm(read(xs)) using sgd }
"""


def test_a_result_of_classes_is_a_text(call: Caller) -> None:
    (call.folder / "alone.nn").write_text(ALONE)
    for target in ("cpu", "reference"):
        given = ("run", "alone.nn", "said", "xs=[[1,2],[3]]", "--target", target)
        assert call(*given, "--save", "a.npy").code == 0
        classes = np.load("a.npy")
        assert classes.shape == (2, 6) and classes.dtype == np.int32
        letters = ["".join("_abcd"[k] for k in row).partition("_")[0] for row in classes]
        assert call(*given).out.splitlines() == letters
        assert call(*given, "--json").data == {"said": letters}


def test_random_sequences_have_a_row_for_each_place(call: Caller) -> None:
    call.spec.write_text(
        "model f(xs : seq scalar) -> seq scalar {\n    param t : [2] = tensor(1, 2)\n"
        "    xs + t[place(xs)]\n}\n"
    )
    for seed in range(4):
        found = call("run", call.spec, "xs=random", "--seed", seed, "--json", *REFERENCE)
        assert found.code == 0 and len(found.data["f"][0]) <= 2
    beyond = call("run", call.spec, "xs=[1,2,3]", *REFERENCE)
    line = "place 2 of xs, which has 3 elements, has no row: `t[place(xs)]` goes by 2 rows ("
    assert beyond.code == 1 and line in beyond.err and "line.nn:3:10)" in beyond.err
    explained = call("explain", call.spec, "xs=[1,2,3]", "--model", "f")
    assert explained.code == 1 and "has no row" in explained.err
