"""Cells that could be taken for something else, and rows without what is to be predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_runtime.data import DataError, Dataset
from gradc_runtime.data.readers.reader_context import Targets
from tests.runtime.data.tables.test_tables import loaded


def test_a_missing_answer_is_not_made_up(tmp_path: Path) -> None:
    """What is predicted is never filled: such a row can neither be learnt nor measured."""
    text = "x;y;z\n1;10;a\n2;;b\n;30;\n4;40;b\n"
    fields = "x : scalar, y : scalar, z : class(2)"
    for missing, gap in (("mean", 2.5), ("median", 2.5)):
        how = f'missing = "{missing}"'
        found = loaded(tmp_path, text, fields, how, targets=Targets(frozenset("yz")))
        assert found.arrays["y"].tolist() == [10, 40] and found.arrays["z"].tolist() == [0, 1]
        assert found.name == "t.csv (2 rows with no y or z left out)"
        assert found.kept is not None and found.kept.tolist() == [0, 3]
        one = loaded(tmp_path, text, "x : scalar, y : scalar", how, targets=Targets(frozenset("y")))
        assert one.arrays["x"].tolist() == [1, gap, 4]
        assert one.name == "t.csv (1 row with no y left out)"


def test_no_answer_at_all_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="csv: all rows are without y, so none is left"):
        loaded(
            tmp_path, "x,y\n1,\n2,\n", "x : scalar, y : scalar", 'missing = "mean"',
            targets=Targets(frozenset("y")),
        )  # fmt: skip


def test_training_leaves_out_rows_without_an_answer(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,10\n2,\n,30\n4,40\n")
    spec = (
        "model f(x : scalar) -> scalar {\n    param w = 1\n    w * x\n}\n"
        'data d(x : scalar, y : scalar) = csv("t.csv", missing = "mean")\n'
        "train on d { minimize squared_error(f(x), y) using sgd(lr = 0.1) }\n"
    )
    session = gradc.Session(gradc.compile_source(spec, directory=tmp_path), target="reference")
    assert session.dataset().examples == 3
    frame = pytest.importorskip("pandas").read_csv(tmp_path / "t.csv")
    assert session.dataset(frame).examples == 3


def test_what_is_predicted_as_a_probability_stays_0_or_1(tmp_path: Path) -> None:
    """`standardised = "all"` would make it another number, of which no probability can be."""
    (tmp_path / "t.csv").write_text("x,y\n1,0\n2,0\n3,1\n4,1\n6,0\n")
    spec = (
        "model f(x : scalar) -> scalar {\n    param w = 1\n    w * x\n}\n"
        'data d(x : scalar, y : scalar) = csv("t.csv", standardised = "HOW")\n'
        "train on d { minimize bce_logits(f(x), y) using sgd(lr = 0.1), held_out 0 }\n"
    )

    def session(how: str) -> gradc.Session:
        program = gradc.compile_source(spec.replace("HOW", how), directory=tmp_path)
        return gradc.Session(program, target="reference")

    found = session("all").dataset()
    assert isinstance(found, Dataset)
    assert np.asarray(found.arrays["y"]).tolist() == [0, 0, 1, 1, 0]
    assert np.mean(found.arrays["x"]) == pytest.approx(0, abs=1e-6)
    with pytest.raises(DataError, match="y is 0 or 1, as its probability is predicted"):
        session("x, y").dataset()


@pytest.mark.parametrize(
    ("cells", "how", "wanted"),
    [
        ("1,234 950 12,500", "", None),
        ("1,234 950 12,500", 'thousands = ","', [1234, 950, 12500]),
        ("1,234 950 12,500", 'decimal = ","', [1.234, 950, 12.5]),
        ("1,234.5 950 12,500", 'thousands = ","', [1234.5, 950, 12500]),
        ("1,234 950 12,5", "", [1.234, 950, 12.5]),
        ("0,234 950 12,500", "", [0.234, 950, 12.5]),
    ],
)
def test_a_comma_before_three_digits_is_not_guessed(
    tmp_path: Path, cells: str, how: str, wanted: list[float] | None
) -> None:
    text = "x\ty\n" + "".join(f"{cell}\t1\n" for cell in cells.split())
    if wanted is None:
        with pytest.raises(DataError, match=r"t\.csv: 1,234 may be 1\.234 or 1234; say decimal = "):
            loaded(tmp_path, text, "x : scalar", how)
    else:
        assert loaded(tmp_path, text, "x : scalar", how).arrays["x"].tolist() == wanted


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("07.06.21", 'is not a number; for dates say how they are written, as dates = "%d.%m.%y"'),
        ("7 Jun 2021", 'as dates = "%d %b %Y"'),
        ("5,2021-06-07", 'as dates = "%Y-%m-%d"'),
        ("01-02-2021", 'may be read in two ways; say dates = "%m-%d-%Y" or dates = "%d-%m-%Y"'),
        ("5%", "a sign beside a number is not read"),
        ("\u22125", "write a minus as -"),
        ("5,-", "is not a number; a gap is an empty cell or NA"),
        ("1\u202f234", 'for thousands say thousands = " "'),
        ("old", "categories are classes: x : class(N)"),
    ],
)
def test_a_cell_that_is_no_number_is_told_what_it_may_be(
    tmp_path: Path, cells: str, said: str
) -> None:
    text = "x;k\n" + "".join(f"{cell};1\n" for cell in cells.split(","))
    with pytest.raises(DataError) as fault:
        loaded(tmp_path, text, "x : scalar")
    assert said in str(fault.value)


@pytest.mark.parametrize(
    ("cells", "how", "wanted"),
    [
        ("2021-06-07T00:00:00+02:00 2021-06-07T00:00:00Z", "", [18785 - 1 / 12, 18785]),
        ("2021-06-07T12:00", "", [18785.5]),
        ("2021-06-07T12:00:00.000", "", [18785.5]),
        ("13-02-2021", "", [18671]),
        ("2021-06-07T00:00+0200", 'dates = "%Y-%m-%dT%H:%M%z"', [18785 - 1 / 12]),
    ],
)
def test_moments(tmp_path: Path, cells: str, how: str, wanted: list[float]) -> None:
    text = "x,k\n" + "".join(f"{cell},1\n" for cell in cells.split())
    found = loaded(tmp_path, text, "x : scalar", how)
    np.testing.assert_allclose(found.arrays["x"], wanted, rtol=0, atol=1e-9)


def test_blanks_between_thousands(tmp_path: Path) -> None:
    text = "x;k\n1\u202f234,5;1\n12\u00a0500,25;1\n1 234 567;1\n"
    found = loaded(tmp_path, text, "x : scalar", 'thousands = " "')
    assert found.arrays["x"].tolist() == [1234.5, 12500.25, 1234567]


def test_gaps_are_those_that_pandas_knows(tmp_path: Path) -> None:
    found = loaded(tmp_path, "x,k\nn/a,1\n#N/A,1\n<NA>,1\n4,1\n", "x : scalar", 'missing = "mean"')
    assert found.arrays["x"].tolist() == [4, 4, 4, 4]


def test_a_line_for_excel_is_told_to_go(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the line sep= above the header is none of the table"):
        loaded(tmp_path, "sep=;\nx;y\n1;2\n", "x : scalar")
