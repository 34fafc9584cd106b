"""CSV and JSON lines in blocks: the examples of the whole file, and what is wrong with its line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data import DataError
from gradc_runtime.training.trainer import Trainer
from tests.runtime import linear
from tests.runtime.data.streaming import both, streamed
from tests.runtime.data.test_streamed_examples import SETTINGS, words

FIELDS = {"x": TensorType((2,)), "y": TensorType()}
GOOD = '{"x": [1, 2], "y": 1}\n'  # a line
SEQUENCES = {"xs": TensorType((2,), time="n"), "k": TensorType((), Kind.INDEX, 3)}


def table(folder: Path, name: str, rows: int, end: str = "\n") -> None:
    """Rows with a column in quotes that nobody asks for, in which lines end."""
    lines = ["\ufeffx_1,note,y,x_0"]
    for i in range(rows):
        note = f'"said ""{i}"",{end} and more"' if i % 3 == 0 else f"plain {i}"
        lines += [f"{i / 3},{note},{i * 0.1},{-i}", *[""] * (i % 5 == 0)]
    (folder / name).write_bytes(end.join(lines).encode())


@pytest.mark.parametrize("block", [1, 40, 300, 10**6])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_in_blocks_is_the_table(tmp_path: Path, block: int, end: str) -> None:
    table(tmp_path, "a.csv", 31, end)
    table(tmp_path, "b.csv", 7, end)
    found, whole = both(tmp_path, "csv", "*.csv", block=block, **FIELDS)
    assert found.examples == whole.examples == 38
    assert (len(found.counts) == 2) == (block == 10**6)
    for name in FIELDS:
        np.testing.assert_array_equal(found.take(slice(None))[name], whole.arrays[name])


@pytest.mark.parametrize("block", [1, 40, 10**6])
def test_sequences_of_json_in_blocks_are_those_of_the_file(tmp_path: Path, block: int) -> None:
    lines = [
        json.dumps({"k": i % 3, "xs": [[i, j] for j in range(i % 4)]}) + "\n" * (1 + i % 2)
        for i in range(23)
    ]
    (tmp_path / "d.jsonl").write_text("".join(lines))
    found, whole = both(tmp_path, "jsonl", "d.jsonl", block=block, **SEQUENCES)
    assert found.examples == 23
    a, b = found.take(slice(3, 20)), whole.take(slice(3, 20))
    assert isinstance(a["xs"], Ragged) and isinstance(b["xs"], Ragged)
    np.testing.assert_array_equal(a["xs"].values, b["xs"].values)
    np.testing.assert_array_equal(a["length/n"], b["length/n"])
    seen = found.epoch(1, 0, 0, ["xs", "k"]).take(0, 23)
    assert sorted(seen["length/n"]) == sorted(i % 4 for i in range(23))
    np.testing.assert_array_equal(seen["xs"].lengths, seen["length/n"])  # type: ignore[union-attr]


def test_a_table_trains_in_blocks(tmp_path: Path) -> None:
    data = linear.examples(40)
    rows = zip(np.asarray(data.arrays["x"]), np.asarray(data.arrays["y"]), strict=True)
    lines = [f"{float(a)!r},{float(b)!r},{float(y)!r}\n" for (a, b), y in rows]
    (tmp_path / "d.csv").write_text("x_0,x_1,y\n" + "".join(lines))
    found = streamed(tmp_path, "csv", "d.csv", block=400, **FIELDS)
    one, two = linear.session(seed=3), linear.session(seed=3)
    Trainer(one, found, SETTINGS).run()
    Trainer(two, streamed(tmp_path, "csv", "d.csv", block=400, **FIELDS), SETTINGS).run()
    np.testing.assert_array_equal(words(one), words(two))
    assert one.evaluate(found) == one.evaluate(data)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("d.csv", "x_0,x_1,y\n1,2,3\n1,2,3\n4,5\n", "d.csv:4: 2 values, but the header names 3"),
        (
            "d.csv",
            "x_0,x_1,y\n1,2,3\n1,2,3\n4,5,six\n",
            'd.csv:4: column y: "six" is not a number; categories and dates need the whole table in'
            " memory: raise in_memory",
        ),
        ("d.csv", "x_0,x_1\n1,2\n", "d.csv: no column y; it has x_0, x_1"),
        ("d.csv", "x_0,x_1,y\n", "d.csv: needs a header and at least one row of numbers"),
        ("d.csv", "", "d.csv: needs a header and at least one row of numbers"),
        (
            "d.csv",
            "x_0,x_1,y\n1,2,3\n1,2,nan\n",
            'd.csv:3: column y: "nan" is missing; say missing = "mean", "median" or "drop"',
        ),
        (
            "d.jsonl",
            '{"x": [1, 2], "y": 1}\n{"x": [1',
            "d.jsonl:2: not JSON (Expecting ',' delimiter)",
        ),
        (
            "d.jsonl",
            '{"x": [1, 2], "y": 1}\n[]\n',
            'd.jsonl:2: an object such as {"x": ...} is expected',
        ),
        ("d.jsonl", '{"x": [1, 2], "y": 1}\n{"y": 2}\n', "d.jsonl:2: x is missing; it has y"),
        (
            "d.jsonl",
            GOOD + '{"x": [1, 2, 3], "y": 1}',
            "d.jsonl, from line 2 on: x: declared [2], so [N, 2] is expected; got [1, 3]",
        ),
        ("d.jsonl", "\n \n", "d.jsonl: there are no examples"),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as caught:
        found = streamed(tmp_path, name[2:], name, block=1, **FIELDS)
        found.take(slice(None))
    assert str(caught.value) == said


@pytest.mark.parametrize("line", ["\x1c\n", "\u00a0\n", GOOD[:-1] + "\r" + GOOD])
@pytest.mark.parametrize("whole", [True, False])
def test_lines_and_blanks_are_those_of_json(tmp_path: Path, line: str, whole: bool) -> None:
    (tmp_path / "d.jsonl").write_text(GOOD + " \t\r\n" + line, newline="")
    with pytest.raises(DataError, match=r"d\.jsonl:3: not JSON"):
        if whole:
            both(tmp_path, "jsonl", "d.jsonl", **FIELDS)
        streamed(tmp_path, "jsonl", "d.jsonl", block=1, **FIELDS).take(slice(None))


def test_a_ragged_line_is_told_with_its_number(tmp_path: Path) -> None:
    text = '{"x": [1, 2], "y": 1}\n{"x": [1, 2, 3], "y": 1}\n'
    (tmp_path / "d.jsonl").write_text(text)
    said = (
        r"d.jsonl: x: rows of different lengths are no array: sample 1 is \[3\], but sample 0 \[2\]"
    )
    for read in (both, streamed):
        with pytest.raises(DataError, match=said):
            read(tmp_path, "jsonl", "d.jsonl", block=100, **FIELDS)


def test_bytes_that_are_no_text_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b"x_0,x_1,y\n1,2,3\n1,2,\xff\n")
    with pytest.raises(
        DataError, match=r"^d.csv:\d: not UTF-8 text \(byte 20\); save it as UTF-8$"
    ):
        streamed(tmp_path, "csv", "d.csv", block=1, **FIELDS).take(slice(None))
