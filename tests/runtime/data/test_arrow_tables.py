"""Parquet and Arrow files: the columns' numbers, whole or in parts, and what is no number."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data import DataError
from gradc_runtime.system.errors import RunError
from gradc_runtime.training.trainer import Trainer
from tests.fuzz.mutations import of_bytes
from tests.runtime import linear
from tests.runtime.data.streaming import both, streamed, words
from tests.runtime.data.test_streamed_examples import SETTINGS

pa: Any = pytest.importorskip("pyarrow")
ipc: Any = pytest.importorskip("pyarrow.ipc")
pq: Any = pytest.importorskip("pyarrow.parquet")
KINDS = ("parquet", "arrow")
FIELDS = {
    "x": TensorType((2,)),
    "image": TensorType((2, 3)),
    "y": TensorType(),
    "k": TensorType((), Kind.INDEX, 3),
    "xs": TensorType((2,), time="n"),
    "p": TensorType((2,)),
}


def table(rows: int, first: int = 0) -> Any:
    """A column of every kind that is read, and one that nobody asks for."""
    at = range(first, first + rows)
    pair = pa.list_(pa.float32(), 2)
    return pa.table({
        "name": [f"row {i}" for i in at],
        "x": pa.array([[i, -i] for i in at], pair),
        "image": pa.array([[[i, 1, 2], [3, 4, i]] for i in at], pa.list_(pa.list_(pa.uint8()))),
        "y": pa.array([i / 2 for i in at], pa.float64()),
        "k": pa.array([i % 3 for i in at], pa.int8()),
        "xs": pa.array([[[i, j] for j in range(i % 4)] for i in at], pa.large_list(pair)),
        "p_1": pa.array([i % 2 == 0 for i in at], pa.bool_()),
        "p_0": pa.array(list(at), pa.float16()),
    })  # fmt: skip


def write(path: Path, found: Any, part: int = 5) -> None:
    """A file of either kind, `part` rows a group."""
    if path.suffix == ".parquet":
        pq.write_table(found, path, row_group_size=part)
        return
    with ipc.new_file(str(path), found.schema) as file:
        file.write_table(found, max_chunksize=part)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_in_parts_is_the_table(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"a.{kind}", table(13))
    write(tmp_path / f"b.{kind}", table(4, first=13))
    found, whole = both(tmp_path, kind, f"*.{kind}", **FIELDS)
    assert list(found.counts) == [5, 5, 3, 4]
    taken = found.take(slice(None))
    for name in FIELDS:
        a, b = taken[name], whole.arrays[name]
        if isinstance(a, Ragged) and isinstance(b, Ragged):
            np.testing.assert_array_equal(a.lengths, [i % 4 for i in range(17)])
            np.testing.assert_array_equal(a.values, b.values)
        else:
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(taken["image"][16], [[16, 1, 2], [3, 4, 16]])
    np.testing.assert_array_equal(taken["p"][16], [16, 1])
    assert taken["k"].dtype == np.int32  # type: ignore[union-attr]


def one(kind: str, values: Any, type: Any = None) -> Any:
    """A table of one column, `y`."""
    return pa.table({"y": pa.array(values, type), "x": pa.array([0.0] * len(values))})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("values", "type", "said"),
    [
        (["one", "two"], None, 'row 1: column y: "one" is not a number; categories'),
        ([1, 2], "duration", "column y is duration[ms]: it may be of numbers, lists"),
        ([[1], []], None, "lists of different lengths are no array: row 1 has 1, row 2 has 0"),
        ([1.0, None], None, 'row 2: column y: "" is missing; say missing = "mean"'),
        ([[1.0], [2.0]], None, "y is declared scalar, but an example has a list of [1]"),
        ([1.0, float("nan")], None, 'row 2: column y: "nan" is missing; say missing = "mean"'),
    ],
)
def test_a_column_of_the_wrong_type_is_told(
    tmp_path: Path, kind: str, values: Any, type: str | None, said: str
) -> None:
    made = pa.duration("ms") if type == "duration" else None
    write(tmp_path / f"d.{kind}", one(kind, values, made))
    for read in (both, streamed):
        with pytest.raises(DataError) as caught:
            read(tmp_path, kind, f"d.{kind}", y=TensorType())
        assert str(caught.value).startswith(f"d.{kind}") and said in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_column_is_told(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"d.{kind}", one(kind, [1.0]))
    for type in (TensorType(), TensorType(time="n")):
        with pytest.raises(DataError, match=f"d.{kind}: no column z; it has y, x"):
            streamed(tmp_path, kind, f"d.{kind}", z=type)
    with pytest.raises(DataError, match=r"no column w_0 .*is w_0 to w_1\)"):
        streamed(tmp_path, kind, f"d.{kind}", w=TensorType((2,)))


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_told(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"d.{kind}", table(40))
    whole = (tmp_path / f"d.{kind}").read_bytes()
    for damaged in (b"", whole[:-9], whole[9:], b"PK" + whole, whole[: len(whole) // 2]):
        (tmp_path / f"d.{kind}").write_bytes(damaged)
        with pytest.raises(
            DataError, match=rf"^d\.{kind}: damaged or not an? (Parquet|Arrow) file"
        ):
            streamed(tmp_path, kind, f"d.{kind}", **FIELDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_changes_ends_what_reads_it(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"d.{kind}", table(40))
    found = streamed(tmp_path, kind, f"d.{kind}", **FIELDS)
    write(tmp_path / f"d.{kind}", table(41))
    with pytest.raises(DataError, match=rf"^d\.{kind} was changed while it was read: it is"):
        found.take(slice(None))


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_trains_and_is_measured(tmp_path: Path, kind: str) -> None:
    data = linear.examples(61)
    x, y = np.asarray(data.arrays["x"]), np.asarray(data.arrays["y"])
    write(tmp_path / f"d.{kind}", pa.table({"x": list(x), "y": y}), part=7)
    found, whole = both(tmp_path, kind, f"d.{kind}", **dict(linear.FIELDS))
    one, two = linear.session(seed=3), linear.session(seed=3)
    Trainer(one, found, SETTINGS).run()
    Trainer(two, found, SETTINGS).run()
    np.testing.assert_array_equal(words(one), words(two))
    assert one.evaluate(found) == one.evaluate(whole)


def test_without_pyarrow_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "d.parquet", table(3))
    monkeypatch.setattr(pa, "__version__", "14.0.0")
    with pytest.raises(DataError, match=r"parquet\(\) needs pyarrow 16 or newer, not 14.0.0"):
        streamed(tmp_path, "parquet", "d.parquet", y=TensorType())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match="pip install pyarrow"):
        streamed(tmp_path, "parquet", "d.parquet", y=TensorType())


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_table_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    write(path := tmp_path / f"d.{kind}", table(13))
    whole, found = path.read_bytes(), Counter[str]()
    for seed in range(100):
        path.write_bytes(of_bytes(Random(seed), whole))
        try:
            streamed(tmp_path, kind, path.name, **FIELDS).take(slice(None))
        except RunError as refusal:
            found["refused"] += 1
            assert str(refusal).startswith(f"d.{kind}")
    assert found["refused"] > 5


def test_lists_that_end_beyond_their_values_are_refused(tmp_path: Path) -> None:
    """Following such offsets, pyarrow ends the process."""
    write(path := tmp_path / "d.arrow", pa.table({"y": [[1.0], [2.0], [3.0]]}))
    good, bad = (np.array([0, 1, at, 3], np.int32).tobytes() for at in (2, 9999))
    assert path.read_bytes().count(good) == 1
    path.write_bytes(path.read_bytes().replace(good, bad))
    with pytest.raises(DataError, match=r"^d.arrow: damaged or not an Arrow file"):
        streamed(tmp_path, "arrow", "d.arrow", y=TensorType((1,)))
