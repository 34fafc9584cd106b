"""Parquet and Arrow say what the same table says as CSV: categories, dates, gaps, measures."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_runtime.data import DataError, Dataset, Streamed, load
from gradc_runtime.data.tables.encoding import Encoding
from tests.runtime.data.test_arrow_tables import KINDS, pa, write

FIELDS = "age : scalar, size : [2], city : class(3), joined : scalar, bought : class(2)"
NAMED = 'age = "Customer Age", size = "Width, H*"'
TEXT = """Customer Age,Width,Height,City,joined,Bought?
34,1.5,2,Rome,2021-06-07,yes
,2.5,3,Berlin,2020-02-01,no
51,3.5,,Paris,2019-04-03,no
28,4.5,5,Rome,,yes
40,5.5,6,NA,2020-12-31,no
"""


def frame() -> Any:
    """The same as columns with types."""
    days = [date(2021, 6, 7), date(2020, 2, 1), date(2019, 4, 3), None, date(2020, 12, 31)]
    return pa.table({
        "Customer Age": pa.array([34, None, 51, 28, 40], pa.int16()),
        "Width": pa.array([1.5, 2.5, 3.5, 4.5, 5.5], pa.float32()),
        "Height": pa.array([2, 3, None, 5, 6], pa.float64()),
        "City": pa.array(["Rome", "Berlin", "Paris", "Rome", None]).dictionary_encode(),
        "joined": pa.array(days, pa.date32()),
        "Bought?": pa.array(["yes", "no", "no", "yes", "no"], pa.large_string()),
    })  # fmt: skip


def read(folder: Path, kind: str, how: str, fields: str = FIELDS, **given: Any) -> Any:
    """The data of a declaration."""
    text = f'data d({fields}) = {kind}("t.{kind}"{how and ", "}{how})'
    (source,) = gradc.compile_source(text, directory=folder).data
    return load(source, dtype=np.float64, **given)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", ["mean", "median", "drop"])
@pytest.mark.parametrize("standardised", ["", "all", "size"])
def test_every_kind_of_file_gives_the_same(
    tmp_path: Path, kind: str, missing: str, standardised: str
) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    write(tmp_path / f"t.{kind}", frame(), part=2)
    how = f'{NAMED}, missing = "{missing}", standardised = "{standardised}"'
    fields = FIELDS.replace("class(3)", "class(4)")
    wanted, found = (read(tmp_path, k, how, fields, held_out=0.2, seed=3) for k in ("csv", kind))
    assert found.encoding == wanted.encoding
    assert found.encoding.dates == {"joined": "%Y-%m-%d"}
    for name, array in wanted.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
    assert (found.kept is None) == (wanted.kept is None)


@pytest.mark.parametrize("kind", ["csv", *KINDS])
def test_what_is_known_is_used_in_blocks_too(tmp_path: Path, kind: str) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    if kind != "csv":
        write(tmp_path / f"t.{kind}", frame(), part=2)
    how, fields = f'{NAMED}, missing = "mean", standardised = "all"', FIELDS.replace("(3)", "(4)")
    whole = read(tmp_path, kind, how, fields)
    with pytest.raises(DataError, match="missing, standardised and categories need the"):
        read(tmp_path, kind, how, fields, in_memory=0)
    found = read(tmp_path, kind, how, fields, in_memory=0, encoding=whole.encoding)
    assert isinstance(found, Streamed) and found.encoding == whole.encoding
    for name, array in found.take(slice(None)).items():
        np.testing.assert_array_equal(array, whole.arrays[name])


@pytest.mark.parametrize("kind", ["csv", *KINDS])
def test_categories_in_blocks_need_to_be_known(tmp_path: Path, kind: str) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    if kind != "csv":
        write(tmp_path / f"t.{kind}", frame(), part=2)
    with pytest.raises(DataError, match="categories and dates need the whole table in memory"):
        read(tmp_path, kind, "", "bought : class(2)", in_memory=0)
    known = Encoding(classes={"bought": ("no", "yes")})
    found = read(tmp_path, kind, "", "bought : class(2)", in_memory=0, encoding=known)
    assert np.asarray(found.take(slice(None))["bought"]).tolist() == [1, 0, 0, 1, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("values", "type", "said"),
    [
        ([1.0, None], "scalar", 'row 2: column v: "" is missing; say missing = "mean"'),
        ([1.0, float("inf")], "scalar", 'row 2: column v: "inf" is not a finite number'),
        (["a", "b"], "scalar", 'row 1: column v: "a" is not a number; categories are classes'),
        (["a", "b", "c"], "class(2)", "column v has 3 categories (a, b, c), but v : class(2)"),
        (["a", None], "class(2)", 'row 2: column v: "" is missing; say missing = "class"'),
        ([3], "class(2)", 'row 1: column v: "3" is outside class(2) of v, which allows 0 to 1'),
        ([[1.0], [2.0]], "scalar", "v is declared scalar, but an example has a list of [1]"),
        ([[1.0, 2], [2.0]], "[2]", "row 1 has 2, row 2 has 1"),
        ([[1.0, 2], None], "[2]", 'row 2: column v: "" is missing'),
        ([b"a"], "scalar", "column v is binary: it may be of numbers, lists of numbers, text or"),
        ([{"a": 1}], "scalar", "column v is struct<a: int64>: it may be"),
    ],
)
def test_a_cell_that_means_nothing_is_told_with_its_row(
    tmp_path: Path, kind: str, values: Any, type: str, said: str
) -> None:
    write(tmp_path / f"t.{kind}", pa.table({"v": values}), part=1 + said.startswith("row 1 has"))
    with pytest.raises(DataError) as caught:
        read(tmp_path, kind, "", f"v : {type}")
    assert str(caught.value).startswith(f"t.{kind}")
    assert any(part in str(caught.value) for part in said.split("|"))


@pytest.mark.parametrize("kind", KINDS)
def test_moments_are_days_in_any_unit(tmp_path: Path, kind: str) -> None:
    moments = [datetime(2021, 6, 7, 12, 30, 15), datetime(1969, 7, 20, 20, 17, 40), None]
    wanted = [(m - datetime(1970, 1, 1)).total_seconds() / 86400 for m in moments[:2] if m]
    for unit in ("s", "ms", "us", "ns"):
        write(tmp_path / f"t.{kind}", pa.table({"v": pa.array(moments, pa.timestamp(unit))}))
        found = read(tmp_path, kind, 'missing = "drop"', "v : scalar")
        assert isinstance(found, Dataset) and found.encoding is not None
        assert found.arrays["v"].tolist() == wanted
        assert found.encoding.dates == {"v": "%Y-%m-%d %H:%M:%S"}


@pytest.mark.parametrize("kind", KINDS)
def test_lists_have_gaps_and_measures_too(tmp_path: Path, kind: str) -> None:
    lists = [[1.0, 10.0], [3.0, None], None, [5.0, 30.0]]
    write(tmp_path / f"t.{kind}", pa.table({"Pixel Data": lists}), part=3)
    how = 'v = "Pixel Data", missing = "mean", standardised = "v"'
    found = read(tmp_path, kind, how, "v : [2]")
    assert found.encoding.gaps == {"v": (3.0, 20.0)}
    np.testing.assert_allclose(found.arrays["v"].mean(0), 0, atol=1e-12)
    assert found.arrays["v"][2].tolist() == [0, 0]
    plain = read(tmp_path, kind, 'missing = "drop", v = "Pixel Data"', "v : [2]")
    assert plain.arrays["v"].tolist() == [[1, 10], [5, 30]]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_left_out_take_their_sequences_along(tmp_path: Path, kind: str) -> None:
    made = pa.table({"xs": [[1.0], [2.0, 3.0], [4.0]], "y": [1.0, None, 3.0]})
    write(tmp_path / f"t.{kind}", made, part=2)
    found = read(tmp_path, kind, 'missing = "drop"', "xs : seq scalar, y : scalar")
    assert found.arrays["xs"].values.tolist() == [1, 4] and found.arrays["y"].tolist() == [1, 3]
    assert found.kept.tolist() == [0, 2]
