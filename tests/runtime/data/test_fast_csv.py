"""pyarrow's reader of CSV gives what the ordinary one gives: numbers, words, and every message."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_runtime.data import DataError, load
from gradc_runtime.data.readers import csv_table, fast_csv

pytest.importorskip("pyarrow")
ENDS = ("\n", "\r\n", "\r", "\n\n", "\r\n\n")
NUMBERS = (
    "1", "-2.5", "+3", "1e3", ".5", "5.", "1e400", "-0.0", "1e-320", "0.1", "123456789.123456789",
    "inf", "nan", "NaN", "NAN", "-nan", "nan(1)", "1_000", "0x10", "", "NA", " NA ", "?", " 7 ",
    "1.7976931348623157e308", "2.2250738585072014e-308", "9007199254740993", "1,5", "two", "1 2",
    "\u0661", "1\u00a0", "infinity", "1e", "--1", "1d5",
)  # fmt: skip
WORDS = ("Rome", "Berlin", "San Marino", " Rome ", "", "NA", "3", "Zürich", '"q"', "a\tb")
SPEC = 'data d({}) = csv("t.csv"{})'
FIELDS = ("x : scalar", "x : scalar, c : class(9)", "x : scalar, k : class(12), c : class(9)")
HOW = ("", ', missing = "mean"', ', missing = "drop", standardised = "all"', ', missing = "class"')


def table(draw: Random) -> str:
    """A table, most of whose cells are plain, and one or two odd."""
    end, count = draw.choice(ENDS[:2]), draw.randint(1, 60)
    rows = [["x", "c", "k", "unused"]]
    for _ in range(count):
        x = draw.choice(NUMBERS[:5]) if draw.random() < 0.7 else repr(draw.gauss(0, 1e3))
        rows.append([x, draw.choice(WORDS[:3]), str(draw.randint(0, 11)), draw.choice("ab")])
    for _ in range(draw.choice((0, 0, 1, 2))):
        row, place = draw.randint(1, count), draw.randint(0, 3)
        rows[row][place] = draw.choice(NUMBERS if place != 1 else WORDS)
    if draw.random() < 0.1:
        rows[draw.randint(1, count)].append("more")
    text = "".join(
        ",".join(row) + (end if draw.random() < 0.95 else draw.choice(ENDS)) for row in rows
    )
    return draw.choice(("", "", "\ufeff", "\n")) + (text if draw.random() < 0.8 else text.rstrip())


def outcome(folder: Path, spec: str, **given: Any) -> Any:
    """The arrays and the encoding, or what is said instead."""
    (source,) = gradc.compile_source(spec, directory=folder).data
    try:
        found = load(source, dtype=np.float64, held_out=0.2, **given)
        arrays = found.take(slice(None))
    except DataError as fault:
        return str(fault)
    bits = {name: np.asarray(array).view(np.int64).tolist() for name, array in arrays.items()}
    return bits, found.encoding


@pytest.mark.parametrize("seed", range(60))
def test_both_readers_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = Random(seed)
    (tmp_path / "t.csv").write_bytes(table(draw).encode())
    spec = SPEC.format(draw.choice(FIELDS), draw.choice(HOW))
    given = {"in_memory": 0, "block": 200} if seed % 3 == 0 else {}
    slow = outcome(tmp_path, spec, **given)
    for module, name in ((csv_table, "SMALLEST"), (csv_table, "SMALLEST_PIECE")):
        monkeypatch.setattr(module, name, 0)
    assert outcome(tmp_path, spec, **given) == slow


def test_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text("x,c,k\n" + "1.5,Rome,3\n,Berlin,4\n" * 50)
    monkeypatch.setattr(csv_table, "SMALLEST", 0)
    monkeypatch.setattr(csv_table, "table", pytest.fail)  # which would be called in its place
    bits, encoding = outcome(tmp_path, SPEC.format(FIELDS[2], HOW[1]))
    assert encoding.classes == {"c": ("Berlin", "Rome")} and len(bits["x"]) == 100


@pytest.mark.parametrize("text", ["x\n1\n", "x\r\n1\r\n", "\n\nx\n1\n"])
def test_lines_are_counted_from_the_beginning(text: str) -> None:
    data, line = fast_csv.below(text.encode(), 1, header=True)
    assert (data.strip(), line) == (b"1", 2 + text.startswith("\n") * 2)


def test_without_pyarrow_the_ordinary_reader_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text("x\n1\n2\n")
    monkeypatch.setattr(csv_table, "SMALLEST", 0)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    bits, _ = outcome(tmp_path, SPEC.format(FIELDS[0], ""))
    assert len(bits["x"]) == 2
