"""Sources of sequences: what they give, that it is right, and the line a wrong file gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import DataError, Dataset, load
from gradc_runtime.data.arrays.alphabet import REST, Alphabet
from gradc_runtime.data.readers.scanned import cropped

SCALAR = TensorType()


def label(classes: int | None, time: str | int | None = None) -> TensorType:
    return TensorType((), Kind.INDEX, classes, time)


def vectors(size: int, time: str) -> TensorType:
    return TensorType((size,), time=time)


def made(
    function: str, *arguments: object, folder: Path = Path("."), seed: int = 0, **fields: Any
) -> Dataset:
    source = DataSource(
        name="d", fields=tuple(fields.items()), function=function, arguments=arguments,
        directory=str(folder),
    )  # fmt: skip
    return load(source, seed=seed, dtype="float64")


def fault(function: str, *arguments: object, folder: Path = Path("."), **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        made(function, *arguments, folder=folder, **fields)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def texts(data: Dataset, field: str) -> list[str]:
    assert data.alphabet is not None
    return [data.alphabet.write(row.tolist()) for row in data.arrays[field]]


def test_the_adding_problem_is_that_of_the_paper() -> None:
    data = made("addition", 500, 40, xs=vectors(2, "xs"), y=SCALAR)
    for xs, y in zip(data.arrays["xs"], data.arrays["y"], strict=True):
        numbers, marks = xs[:, 0], xs[:, 1]
        marked = np.flatnonzero(marks == 1.0)
        assert 40 <= len(xs) <= 44 and np.abs(numbers).max() <= 1
        assert len(marked) == 2 and marked[0] < 10 and marked[1] < 20
        assert y == pytest.approx(0.5 + numbers[marked].sum() / 4)
        rest = np.delete(marks, marked)
        assert marks[-1] == -1.0 and set(rest) <= {0.0, -1.0}
        assert (marks == -1.0).sum() == 2 - (0 in marked)
        assert 0 not in marked or numbers[0] == 0
    assert "length needs 20 at least" in fault("addition", 5, 9, xs=vectors(2, "xs"), y=SCALAR)


@pytest.mark.parametrize(("task", "answer"), [("copying", 1), ("reversal", -1)])
def test_answers_end_with_0_unless_they_are_as_long_as_the_question(task: str, answer: int) -> None:
    fields = {"xs": label(5, "xs"), "ys": label(5, "ys"), "before": label(5, "ys")}
    data = made(task, 50, 4, 6, **fields)
    lengths = data.lengths
    np.testing.assert_array_equal(lengths["length/ys"], lengths["length/xs"] + 1)
    assert texts(data, "ys") == [text[::answer] for text in texts(data, "xs")]
    for ys, before in zip(data.arrays["ys"], data.arrays["before"], strict=True):
        assert ys[-1] == 0 and before[0] == 0
        np.testing.assert_array_equal(before[1:], ys[:-1])
    same = made(task, 50, 4, 6, xs=label(5, "n"), ys=label(5, "n"))
    assert texts(same, "ys") == texts(data, "ys")
    assert all((row > 0).all() for row in same.arrays["ys"])


def test_sums_are_right() -> None:
    data = made("sums", 100, xs=label(12, "xs"), ys=label(12, "ys"))
    for question, answer in zip(texts(data, "xs"), texts(data, "ys"), strict=True):
        a, b = question.split("+")
        assert int(a) + int(b) == int(answer)
    assert max(map(len, texts(data, "xs"))) <= 7


@pytest.mark.parametrize("task", ["addition", "copying", "reversal", "sums"])
def test_tasks_are_functions_of_the_seed(task: str) -> None:
    kind = vectors(2, "xs") if task == "addition" else label(12, "xs")
    first, again, other = (made(task, 30, xs=kind, seed=s).arrays["xs"] for s in (1, 1, 2))
    assert [row.tolist() for row in first] == [row.tolist() for row in again]
    assert [row.tolist() for row in first] != [row.tolist() for row in other]


def test_a_text_is_cut_into_windows_and_answered_by_its_next_character(tmp_path: Path) -> None:
    text = "the cat sat on the mat, não?"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    data = made("text", "a.txt", 10, folder=tmp_path, xs=label(64, "n"), ys=label(64, "n"))
    assert texts(data, "xs") == [text[:10], text[10:20], text[20:27]]
    assert texts(data, "ys") == [text[1:11], text[11:21], text[21:28]]


def test_an_alphabet_is_by_frequency_and_has_a_class_for_the_rest() -> None:
    alphabet = Alphabet.of("abracadabra!", 4)
    assert alphabet.symbols == ("a", "b", "r", REST)
    assert alphabet.write(alphabet.read("abc", "x")) == f"ab{REST}"
    whole = Alphabet.of("abracadabra!", 9)
    assert whole.symbols == ("a", "b", "r", "!", "c", "d")
    with pytest.raises(DataError, match="prompt: 'x' is none of 'abr!cd'"):
        whole.read("ax", "prompt")


def test_python_brings_a_text_of_its_own() -> None:
    data = made("text", xs=label(64, "n"), ys=label(64, "n"))
    assert data.examples > 5000 and data.longest == 64
    assert "The" in "".join(texts(data, "xs"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"ab\xff", "a.txt:1: not UTF-8 text (byte 2)"),
        (b"a", "a.txt: a text of two characters at least is needed"),
        (None, 'no file "a.txt"'),
    ],
)
def test_wrong_texts_get_one_line(tmp_path: Path, content: bytes | None, expected: str) -> None:
    if content is not None:
        (tmp_path / "a.txt").write_bytes(content)
    assert expected in fault("text", "a.txt", folder=tmp_path, xs=label(9, "n"))


def test_blank_rows_at_the_ends_are_cropped() -> None:
    images = np.zeros((3, 5, 2))
    images[0, 1, 0] = images[0, 3, 1] = 1  # a blank row between is kept
    images[1, 4] = 1
    found = cropped(images)
    assert found.lengths.tolist() == [3, 1, 0]
    np.testing.assert_array_equal(found[0], images[0, 1:4])


def test_digits_are_read_row_by_row_or_column_by_column() -> None:
    pytest.importorskip("sklearn")
    fields = {"xs": vectors(28, "xs"), "label": label(10)}
    down, across = (made(source, **fields) for source in ("rows", "columns"))
    assert down.examples == across.examples == 1797
    assert len(set(across.arrays["xs"].lengths.tolist())) > 5
    small = made("columns", "", 8, xs=vectors(8, "xs"), label=label(10))
    assert small.longest == 8


def test_arrays_of_sequences_may_be_packed_or_padded(tmp_path: Path) -> None:
    rng, lengths = np.random.default_rng(0), np.array([2, 0, 3])
    packed = rng.normal(size=(5, 2))
    padded = np.full((3, 4, 2), np.nan)
    padded[0, :2], padded[2, :3] = packed[:2], packed[2:]
    np.savez(tmp_path / "a.npz", xs=packed, xs_lengths=lengths, y=[1.0, 2.0, 3.0])
    np.savez(tmp_path / "b.npz", xs=padded, lengths=lengths, y=[1.0, 2.0, 3.0])
    for file in ("a.npz", "b.npz"):
        data = made("npz", file, folder=tmp_path, xs=vectors(2, "xs"), y=SCALAR)
        np.testing.assert_array_equal(data.arrays["xs"].values, packed)
        assert data.arrays["xs"].lengths.tolist() == [2, 0, 3]


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"xs": np.ones((5, 2)), "lengths": [2, 2]}, "a.npz: xs: the lengths add up to 4, for 5"),
        ({"xs": np.ones((2, 3, 2)), "lengths": [2, 4]},
         "a.npz: xs [2, 3, 2] needs 2 lengths from 0 to 3"),
        ({"xs": np.ones((2, 3, 2)), "lengths": [2]}, "needs 2 lengths from 0 to 3"),
        ({"xs": np.ones((5, 2)), "lengths": [2.5, 2.5]}, "lengths of xs must be whole numbers"),
        ({"xs": np.ones((0, 2)), "xs_lengths": [2**62] * 4},
         "a.npz: xs: sample 0 of length 4611686018427387904, for 0 elements"),
        ({"xs": np.ones((3, 2)), "xs_lengths": [2**63 - 1, 2**63 - 1, 5]},
         "a.npz: xs: sample 0 of length 9223372036854775807, for 3 elements"),
        ({"xs": np.ones((3, 2)), "xs_lengths": np.array([2**64 - 1, 4], np.uint64)},
         "a.npz: xs: sample 0 of length 18446744073709551615, for 3 elements"),
    ],
)  # fmt: skip
def test_wrong_lengths_get_one_line(tmp_path: Path, arrays: Any, expected: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    assert expected in fault("npz", "a.npz", folder=tmp_path, xs=vectors(2, "xs"))


def test_lines_of_json_hold_an_example_each(tmp_path: Path) -> None:
    lines = [{"xs": [[1, 2], [3, 4]], "y": 1.5}, {"xs": [], "y": 2, "more": "x"}]
    (tmp_path / "a.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    data = made("jsonl", "a.jsonl", folder=tmp_path, xs=vectors(2, "xs"), y=SCALAR)
    assert [row.tolist() for row in data.arrays["xs"]] == [[[1, 2], [3, 4]], []]
    assert data.arrays["y"].tolist() == [1.5, 2]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "a.jsonl:1: not JSON (Expecting property name enclosed in double quotes"),
        ("[1]", 'a.jsonl:1: an object such as {"xs": ...} is expected'),
        ('{"x": 1}', "a.jsonl:1: xs is missing; it has x"),
        ('{"xs": [[1, 2, 3]]}', "a.jsonl: xs: sample 0: declared seq [2], so a list of arrays"),
        ('{"xs": [[1, NaN]]}', "a.jsonl: xs: nan of sample 0, step 0, element [1] is not a fi"),
        ('{"xs": "abc"}', "a.jsonl: xs: sample 0: needs numbers, got <U3"),
    ],
)
def test_wrong_lines_of_json_get_one_line(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "a.jsonl").write_text(line)
    assert expected in fault("jsonl", "a.jsonl", folder=tmp_path, xs=vectors(2, "xs"))


def test_a_table_has_no_sequences(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("xs\n1\n")
    expected = "a.csv: a table has no sequences such as xs; use jsonl or npz"
    assert fault("csv", "a.csv", folder=tmp_path, xs=TensorType((), time="xs")) == expected
