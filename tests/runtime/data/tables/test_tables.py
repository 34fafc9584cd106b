"""Tables as people have them: dialects, columns, categories, gaps, dates and measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_runtime.data import DataError, Dataset, load
from gradc_runtime.data.tables.encoding import Encoding

GERMAN = (
    "\ufeffCustomer Age;Annual Income (EUR);Home City;Sign-up Date;Bought?\r\n"
    "34;41.200,50;Rome;07.06.2021;yes\r\n"
    "NA;39.000,00;Berlin;01.02.2020;no\r\n"
    '51;;"Paris";03.04.2019;maybe\r\n'
    "28;20.100,25;Rome;30.12.2021;no\r\n"
)
FIELDS = "age : scalar, income : scalar, city : class(3), days : scalar, bought : class(3)"
NAMED = 'age = "Customer Age", income = "Annual*", city = "Home City", days = "Sign-up Date"'


def loaded(folder: Path, text: str, fields: str, how: str = "", **given: object) -> Dataset:
    (folder / "t.csv").write_bytes(text.encode())
    how = f", {how}" if how else ""
    spec = f'data d({fields}) = csv("t.csv"{how})'
    (source,) = gradc.compile_source(spec, directory=folder).data
    found = load(source, dtype=np.float64, **given)  # type: ignore[arg-type]
    assert isinstance(found, Dataset)
    return found


def test_a_table_of_another_country_is_read_as_it_comes(tmp_path: Path) -> None:
    found = loaded(tmp_path, GERMAN, FIELDS, f'{NAMED}, missing = "median"')
    assert found.arrays["age"].tolist() == [34, 34, 51, 28]
    assert found.arrays["income"].tolist() == [41200.5, 39000, 39000, 20100.25]
    assert found.arrays["city"].tolist() == [2, 0, 1, 2]
    assert found.arrays["bought"].tolist() == [2, 1, 0, 1]  # "Bought?" is bought
    days = np.array(["2021-06-07", "2020-02-01", "2019-04-03", "2021-12-30"], "M8[D]")
    assert found.arrays["days"].tolist() == days.astype(int).tolist()
    assert found.encoding is not None
    assert found.encoding.classes["city"] == ("Berlin", "Paris", "Rome")


def test_rows_with_gaps_are_left_out(tmp_path: Path) -> None:
    found = loaded(tmp_path, GERMAN, FIELDS, f'{NAMED}, missing = "drop"')
    assert found.arrays["age"].tolist() == [34, 28]
    assert found.name == "t.csv (2 rows with gaps left out)"


def test_measures_are_those_of_the_part_that_is_trained_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(3e4, 1e3, 50)
    text = "x\n" + "\n".join(map(str, x.tolist())) + "\n"
    found = loaded(tmp_path, text, "x : scalar", 'standardised = "all"', held_out=0.2, seed=7)
    part, held = gradc_split(found, 0.2, 7)
    assert part.arrays["x"].mean() == pytest.approx(0, abs=1e-12)
    assert part.arrays["x"].std() == pytest.approx(1, abs=1e-12)
    assert abs(held.arrays["x"].mean()) > 1e-3
    encoding = found.encoding
    assert encoding is not None
    again = (x - encoding.centres["x"][0]) / encoding.scales["x"][0]
    assert found.arrays["x"] == pytest.approx(again, rel=1e-12)


def gradc_split(data: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    from gradc_runtime.data import split

    part, held = split(data, share, seed)
    assert held is not None
    return part, held


def test_new_rows_are_read_as_the_run_read_its_own(tmp_path: Path) -> None:
    how = f'{NAMED}, missing = "mean", standardised = "age, income"'
    first = loaded(tmp_path, GERMAN, FIELDS, how)
    row = GERMAN.split("\n")[0] + "\n;1,5;Paris;01.01.2000;no\n"
    assert first.encoding is not None
    known = Encoding.of_data(first.encoding.as_data())
    found = loaded(tmp_path, row, FIELDS, NAMED, encoding=known)
    assert found.arrays["city"].tolist() == [1] and found.arrays["bought"].tolist() == [1]
    assert found.arrays["age"].tolist() == [0]  # the mean of the part that was trained on
    centre, scale = known.centres["income"][0], known.scales["income"][0]
    assert found.arrays["income"] == pytest.approx([(1.5 - centre) / scale])
    with pytest.raises(DataError, match=r't\.csv:2: column Home City: "Oslo" is none of the'):
        loaded(tmp_path, row.replace("Paris", "Oslo"), FIELDS, NAMED, encoding=known)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_separator_is_found(tmp_path: Path, separator: str) -> None:
    text = "a,b\n1,2\n3,4\n".replace(",", separator)
    found = loaded(tmp_path, text, "a : scalar, b : scalar")
    assert found.arrays["b"].tolist() == [2, 4]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_one_row_that_is_not_right_is_told_as_one(tmp_path: Path, separator: str) -> None:
    rows = ["a,b,c", "1,2,3", "4,5,6", "7", "8,9,10"]
    text = "\n".join(rows).replace(",", separator)
    with pytest.raises(DataError, match=r"t.csv:4: 1 value, but the header names 3$"):
        loaded(tmp_path, text, "a : scalar, b : scalar")


@pytest.mark.parametrize("cell", ["inf", "1e999", "-1e999"])
@pytest.mark.parametrize("how", ["", 'standardised = "all"', 'missing = "mean"'])
def test_numbers_are_finite(tmp_path: Path, cell: str, how: str) -> None:
    with pytest.raises(DataError, match=r't.csv:3: column b: ".*" is not a finite number'):
        loaded(tmp_path, f"a,b\n1,2\n3,{cell}\n5,6\n", "a : scalar, b : scalar", how)


def test_numbers_too_large_to_be_standardised_are_refused(tmp_path: Path) -> None:
    text = "b\n2\n1e300\n-1e308\n4\n"
    assert loaded(tmp_path, text, "b : scalar").arrays["b"][1] == 1e300
    with pytest.raises(DataError, match="b has numbers too large to be standardised"):
        loaded(tmp_path, text, "b : scalar", 'standardised = "b"')


def test_columns_of_a_vector_are_named_by_patterns(tmp_path: Path) -> None:
    text = "sepal length,sepal width,kind,petal length\n1,2,0,3\n4,5,1,6\n"
    found = loaded(tmp_path, text, "x : [3], kind : class(2)", 'x = "petal*, sepal*"')
    assert found.arrays["x"].tolist() == [[3, 1, 2], [6, 4, 5]]


def test_a_table_without_a_header(tmp_path: Path) -> None:
    found = loaded(tmp_path, "1,2,0\n3,4,1\n", "x : [2], y : class(2)", 'header = "no"')
    assert found.arrays["x"].tolist() == [[1, 2], [3, 4]] and found.arrays["y"].tolist() == [0, 1]
    found = loaded(tmp_path, "1,2,0\n", "y : scalar", 'header = "no", y = "2"')
    assert found.arrays["y"].tolist() == [2]


def test_a_gap_may_be_a_class(tmp_path: Path) -> None:
    found = loaded(tmp_path, "c\nred\nNA\nblue\n", "c : class(3)", 'missing = "class"')
    assert found.arrays["c"].tolist() == [1, 2, 0]


FAULTS = [
    ('a\n1\n""\n', "a : scalar", "", 't.csv:3: column a: "" is missing; say missing = '),
    ("c\nred\nNA\n", "c : class(2)", "", '"NA" is missing; say missing = "class" or "drop"'),
    ("c\na\nb\nc\n", "c : class(2)", "", r"column c has 3 categories \(a, b, c\), but c : class"),
    ("a\n1\n", "a : scalar", 'missing = "mode"', 'missing is one of "mean", "median"'),
    ("a\n1\n", "a : scalar", 'standardised = "b"', "standardised names fields of numbers"),
    ("a\n1\n", "a : scalar", 'b = "c"', r"b is neither a field \(a\) nor a setting of csv"),
    ("a\n1\n", "a : scalar", 'a = "c"', "no column c; it has a"),
    ("a,b\n1,2\n", "x : [3]", 'x = "*"', r'needs 3 columns, but "\*" means 2: a, b'),
    ("1,1\n2,3\n", "a : scalar", "", "no column a; it has 1; if there is no header, say"),
    ("a,b\n1,2\n", "a : scalar", 'header = "no"', "2 columns without a header, but the fields"),
    ("d\n01/02/2020\n", "d : scalar", "", 'may be read in two ways; say dates = "%m/%d/%Y" or'),
    ("a;b\n1;2\n", "a : scalar", 'separator = ","', "no column a; it has a;b"),
    ("a\n1\n", "a : scalar", 'separator = "ab"', "separator is one character"),
    ("a;b\n1,5;1.5\n", "a : scalar", "", 'column a: "1,5" is not a number'),
    ("a\nNA\nNA\n", "a : scalar", 'missing = "mean"', "a has no number at all"),
    ("a\nNA\n", "a : scalar", 'missing = "drop"', "all rows are with gaps, so none is left"),
]


@pytest.mark.parametrize(("text", "fields", "how", "message"), FAULTS)
def test_what_a_table_does_not_say_is_told(
    tmp_path: Path, text: str, fields: str, how: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        loaded(tmp_path, text, fields, how)


@pytest.mark.parametrize(
    "data", [{}, [], {"classes": 1}, {**Encoding().as_data(), "gaps": {"x": [float("nan")]}},
             {**Encoding().as_data(), "classes": {"x": [1]}},
             {**Encoding().as_data(), "dates": {"x": 1}},
             {**Encoding().as_data(), "scales": {"x": "1"}}, {**Encoding().as_data(), "gaps": 1}],
)  # fmt: skip
def test_a_damaged_encoding_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"encoding|classes|dates"):
        Encoding.of_data(data)


@pytest.mark.parametrize(("first", "later"), [("0\n1\n", "no\nyes\n"), ("3\n4\n", "2020-01-02\n")])
def test_what_was_numbers_is_never_read_as_words_or_dates(
    tmp_path: Path, first: str, later: str
) -> None:
    fields = "a : class(2)" if "yes" in later else "a : scalar"
    found = loaded(tmp_path, f"a\n{first}", fields)
    assert found.encoding is not None
    with pytest.raises(DataError, match=r"t\.csv:2: column a: .* is not a number"):
        loaded(tmp_path, f"a\n{later}", fields, encoding=found.encoding)


def test_a_column_of_one_number_has_no_spread(tmp_path: Path) -> None:
    """The mean of three times 0.1 is not 0.1, and what is left is no measure of anything."""
    found = loaded(tmp_path, "x\n" + "0.1\n" * 3, "x : scalar", 'standardised = "all"')
    assert found.arrays["x"].tolist() == [0, 0, 0]
    assert found.encoding is not None and found.encoding.scales == {"x": (1.0,)}


def test_columns_that_nobody_means_may_have_one_name(tmp_path: Path) -> None:
    assert loaded(tmp_path, "a,b,,\n1,2,,\n", "a : scalar").arrays["a"].tolist() == [1]
    with pytest.raises(DataError, match="column a appears more than once in the header"):
        loaded(tmp_path, "a,b,a\n1,2,3\n", "a : scalar")


UNREAD = [
    ("a;b\n1;2,5\n2.5;3\n", "b : scalar", 't.csv:2: column b: "2,5" is not a number; for a'),
    ('a\n"1,234"\n', "a : scalar", '; for thousands say thousands = ","'),
    ("a\n1'234.5\n", "a : scalar", """; for thousands say thousands = "'\""""),
    ("a\n50%\n", "a : scalar", "a sign beside a number is not read: write the number alone"),
    ("a\n1_000\n", "a : scalar", '"1_000" is not a number'),
    ("a\n2021-01-02\n2021-02-30\n", "a : scalar", 't.csv:3: column a: "2021-02-30" is no date'),
    ("a\n1\n3\n", "a : class(3)", 't.csv:3: column a: "3" is outside class(3) of a, which'),
    ("a\n1.5\n", "a : class(3)", 't.csv:2: column a: "1.5" is not a whole number'),
    ("a\n1\n?\n", "a : class(3)", 'is missing; say missing = "drop"'),
    ('a\n"1\n', "a : scalar", "t.csv:2: the file ends within quotes"),
    ("x y\n1 2\n", "x : scalar", 'for columns with blanks between them say separator = " "'),
]
CODED = [
    (b"x\n1\n\xe9\n", "t.csv:3: not UTF-8 text (byte 4); save it as UTF-8"),
    ("x\n1\n".encode("utf-16"), "t.csv:1: it is UTF-16; save it as UTF-8"),
]


@pytest.mark.parametrize(("text", "fields", "said"), UNREAD)
def test_a_cell_that_is_not_read_says_what_to_do(
    tmp_path: Path, text: str, fields: str, said: str
) -> None:
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, text, fields)
    assert said in str(caught.value)


@pytest.mark.parametrize(("data", "said"), CODED)
def test_other_codings_are_named(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    (source,) = gradc.compile_source('data d(x : scalar) = csv("t.csv")', directory=tmp_path).data
    with pytest.raises(DataError) as caught:
        load(source, dtype=np.float64)
    assert str(caught.value) == said


def test_fields_that_nobody_reads_may_be_standardised(tmp_path: Path) -> None:
    """New rows have no label, which the spec standardises all the same."""
    text, how = "x,y\n1,2\n3,5\n", 'standardised = "x, y"'
    known = loaded(tmp_path, text, "x : scalar, y : scalar", how).encoding
    found = loaded(tmp_path, "x\n2\n", "x : scalar", how, encoding=known)
    assert found.arrays["x"].tolist() == [0]
