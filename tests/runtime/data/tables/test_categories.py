"""Numbers that are names: postcodes, ratings, codes are categories where the author says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_runtime.data import DataError, Dataset, load
from gradc_runtime.data.readers.data_frame import spelt
from gradc_runtime.data.tables.cells import in_order
from gradc_runtime.data.tables.encoding import Encoding
from tests.runtime.data.test_arrow_tables import KINDS, pa, write

TEXT = "postcode,stars\n10115,5\n01067,1\n80331,3\n10115,5\n"
FIELDS, SAID = "postcode : class(3), stars : class(5)", 'categories = "postcode, stars"'


def read(folder: Path, text: str, how: str = SAID, fields: str = FIELDS, **given: Any) -> Dataset:
    (folder / "t.csv").write_text(text)
    return declared(folder, f'data d({fields}) = csv("t.csv"{how and ", "}{how})', **given)


def declared(folder: Path, spec: str, **given: Any) -> Dataset:
    (source,) = gradc.compile_source(spec, directory=folder).data
    found = load(source, dtype=np.float64, **given)
    assert isinstance(found, Dataset)
    return found


def test_numbers_are_names_of_classes_where_that_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, TEXT)
    assert found.encoding is not None
    assert found.encoding.classes == {"postcode": ("01067", "10115", "80331"),
                                      "stars": ("1", "3", "5")}  # fmt: skip
    assert found.arrays["postcode"].tolist() == [1, 0, 2, 1]
    assert found.arrays["stars"].tolist() == [2, 0, 1, 2]
    assert read(tmp_path, TEXT, 'categories = "all"').encoding == found.encoding
    known = Encoding.of_data(found.encoding.as_data())
    assert read(tmp_path, TEXT, encoding=known).arrays["postcode"].tolist() == [1, 0, 2, 1]
    with pytest.raises(DataError, match=r't\.csv:2: column postcode: "10117" is none of the'):
        read(tmp_path, TEXT.replace("10115", "10117", 1), encoding=known)


def test_a_number_that_is_no_class_says_how_it_could_be_one(tmp_path: Path) -> None:
    mend = '; if its numbers are names of classes, say categories = "stars"'
    with pytest.raises(DataError) as caught:
        read(tmp_path, TEXT, 'categories = "postcode"')
    assert str(caught.value).endswith("is outside class(5) of stars, which allows 0 to 4" + mend)
    plain = read(tmp_path, "stars\n0\n4\n", "", "stars : class(5)")
    with pytest.raises(DataError) as caught:  # it is too late for another encoding
        read(tmp_path, "stars\n5\n", "", "stars : class(5)", encoding=plain.encoding)
    assert str(caught.value).endswith("which allows 0 to 4")


def test_gaps_are_a_class_and_classes_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    text = "code\n10\n9\nNA\n100\n"
    found = read(tmp_path, text, 'categories = "code", missing = "class"', "code : class(4)")
    assert found.encoding is not None and found.encoding.classes["code"] == ("9", "10", "100", "")
    assert in_order({"10", "9", "b"}) == ["10", "9", "b"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ('categories = "code"', "csv: categories names fields of classes, or all; code is none of"),
        ('categories = "all", in_blocks', ""),
    ],
)
def test_what_categories_may_name(tmp_path: Path, how: str, said: str) -> None:
    if not said:
        said, how = "need the whole table in memory", how.replace(", in_blocks", "")
        with pytest.raises(DataError, match=said):
            read(tmp_path, TEXT, how, in_memory=0)
        return
    with pytest.raises(DataError, match=said):
        read(tmp_path, TEXT, how)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_numbers_have_the_same_names(tmp_path: Path, kind: str) -> None:
    table = pa.table({
        "code": pa.array([12345678901234567, 9, 9, 12345678901234568], pa.int64()),
        "area": pa.array([10115.0, None, 20095.0, 10115.0], pa.float64()),
    })  # fmt: skip
    write(tmp_path / f"t.{kind}", table, part=2)
    fields = "code : class(3), area : class(3)"
    spec = f'data d({fields}) = {kind}("t.{kind}", categories = "all", missing = "class")'
    found = declared(tmp_path, spec)
    assert found.encoding is not None
    assert found.encoding.classes["code"] == ("9", "12345678901234567", "12345678901234568")
    assert found.encoding.classes["area"] == ("10115", "20095", "")


def test_a_frame_with_gaps_has_whole_numbers_all_the_same() -> None:
    values = [10115.0, float("nan"), None, 1.5, 1e20, True]
    assert spelt(values) == ["10115", "", "", "1.5", "1e+20", "1"]


ROWS = {"r.jsonl": '{"review": "good", "stars": 5}\n{"review": "bad", "stars": 1}\n',
        "r.csv": "review,stars\ngood,5\nbad,1\n", "r.txt": "5\tgood\n1\tbad\n"}  # fmt: skip


@pytest.mark.parametrize("file", ROWS)
def test_labels_of_texts_may_be_numbers_from_one_on(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text(ROWS[file])
    fields = "review : seq class(9), stars : class(5)"
    with pytest.raises(DataError, match=r':\d: stars "5" is outside class\(5\), .* "stars"$'):
        declared(tmp_path, f'data d({fields}) = texts("{file}")')
    found = declared(tmp_path, f'data d({fields}) = texts("{file}", categories = "stars")')
    assert found.encoding is not None and found.encoding.classes == {"stars": ("1", "5")}
    assert found.arrays["stars"].tolist() == [1, 0]
    with pytest.raises(DataError, match="texts: categories names the field of labels, or all; rev"):
        declared(tmp_path, f'data d({fields}) = texts("{file}", categories = "review")')
