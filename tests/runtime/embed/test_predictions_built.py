"""A built prediction reads the rows of a table as `gradc predict` does, and says the same."""

from __future__ import annotations

import csv
import ctypes
import os
import subprocess
from contextlib import chdir
from functools import cache
from pathlib import Path
from random import Random

import pytest

from gradc_runtime.cli.run_command import run
from tests.runtime.cli.calling import Caller
from tests.runtime.cli.conftest import call
from tests.runtime.embed.building import NEEDS_CC

__all__ = ["call"]
pytestmark = NEEDS_CC
CITIES = ("Rome", "Berlin", 'San "Marino"', "Paris, Texas")
SPEC = """model net(age : scalar, size : [2], city : class(5), joined : scalar) -> [3] {
    concat(stack(age, joined), size, one_hot(city, 5)) |> dense(4) |> tanh |> dense(3)
}
data people(age : scalar, size : [2], city : class(5), joined : scalar,
            bought : class(3)) = csv("people.csv", HOW)
train on people {
    minimize cross_entropy(net(age, size, city, joined), bought)
    using adam, batch 8, epochs 2
}
"""
HOW = 'age = "Customer Age", size = "W*, Height", missing = "MISSING", standardised = "all"'


def rows(count: int, seed: int, *, labelled: bool, gaps: bool) -> list[list[str]]:
    """A header, and rows with all that a table may have."""
    draw = Random(seed)
    found = [
        ["Customer Age", "Width", "unused", "Height", "City", "Joined"] + ["bought?"] * labelled
    ]
    for _ in range(count):
        day = f"{draw.randint(1950, 2030)}-{draw.randint(1, 12)}-{draw.randint(1, 28):02d}"
        sizes = f"{draw.uniform(-3, 3):.4f}", "x", f" {draw.gauss(0, 1e5):.3e} "
        row = [str(draw.randint(18, 90)), *sizes, draw.choice(CITIES), day]
        if gaps and draw.random() < 0.3:
            row[draw.choice((0, 1, 3, 4, 5))] = draw.choice(("", "NA", " ?", "nan"))
        found.append(row + [draw.choice(("yes", "no", "may\nbe"))] * labelled)
    return found


def written(path: Path, table: list[list[str]], separator: str = ",", decimal: str = ".") -> None:
    """The table as a file."""
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.writer(stream, delimiter=separator)
        for line, row in enumerate(table):
            place = range(4) if line and decimal == "," else ()
            writer.writerow([c.replace(".", ",") if k in place else c for k, c in enumerate(row)])


@cache
def built(missing: str, folder: Path) -> Path:
    """A folder with `people.nn`, a run of it, and its program."""
    folder.mkdir()
    written(folder / "people.csv", rows(60, 1, labelled=True, gaps=True))
    (folder / "people.nn").write_text(SPEC.replace("HOW", HOW.replace("MISSING", missing)))
    with chdir(folder):
        assert run(["train", "people.nn", "--threads", "1"]) == 0
        assert run(["build", "people.nn", "--weights", "runs/people", "-o", "built"]) == 0
    return folder / "built"


@pytest.fixture
def people(
    call: Caller, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A built program; its run is that of `people.nn`, in the current folder."""
    missing = getattr(request, "param", "mean")
    found = built(missing, tmp_path_factory.getbasetemp() / f"people-{missing}")
    os.chdir(found.parent)
    call.folder = found.parent
    return found


def said(people: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """What the program says."""
    program = [str(people / "people"), *words]
    done = subprocess.run(program, input=given, capture_output=True, cwd=people.parent, check=False)
    assert done.returncode >= 0
    return done


@pytest.mark.parametrize("people", ["mean", "median", "drop"], indirect=True)
@pytest.mark.parametrize("spelling", [(",", "."), (";", ","), ("\t", ".")])
def test_a_program_says_what_predict_says(
    people: Path, call: Caller, spelling: tuple[str, str]
) -> None:
    written(call.folder / "new.csv", rows(40, 2, labelled=False, gaps=True), *spelling)
    wanted = call("predict", "people.nn", "new.csv", "--save", "wanted.csv")
    assert wanted.code == 0, wanted.err
    done = said(people, "new.csv")
    assert done.returncode == 0, done.stderr
    (call.folder / "found.csv").write_bytes(done.stdout)
    with (call.folder / "found.csv").open() as one, (call.folder / "wanted.csv").open() as two:
        found, told = list(csv.reader(one)), list(csv.reader(two))
    assert [row[:2] for row in found] == [row[:2] for row in told]
    assert found[0] == told[0]
    for mine, theirs in zip(found[1:], told[1:], strict=True):
        assert [*map(float, mine[2:])] == pytest.approx([*map(float, theirs[2:])], rel=2e-6)
    assert said(people, "-", given=(call.folder / "new.csv").read_bytes()).stdout == done.stdout


@pytest.mark.parametrize(
    ("column", "text", "what"),
    [
        (0, "old", "a cell is no number, date or category"),
        (0, "0x10", "a cell is no number"),
        (0, "inf", "a cell is no number"),
        (0, "1_000", "a cell is no number"),
        (4, "Athens", "a cell is no number, date or category that the run knows"),
        (5, "2021-02-29", "a cell is no number, date"),
        (5, "2021-13-01", "a cell is no number, date"),
        (5, "21-01-01", "a cell is no number, date"),
    ],
)
def test_what_predict_refuses_is_refused(
    people: Path, call: Caller, column: int, text: str, what: str
) -> None:
    table = rows(5, 3, labelled=False, gaps=False)
    table[3][column] = text
    written(call.folder / "new.csv", table)
    assert call("predict", "people.nn", "new.csv").code != 0
    done = said(people, "new.csv")
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1
    name = table[0][column].encode()
    assert b"new.csv:4: column " + name + b': "' + text.encode() in done.stderr
    assert what.encode() in done.stderr


def test_a_comma_before_three_digits_is_not_guessed(people: Path, call: Caller) -> None:
    """Where every comma may stand before thousands, neither reading is taken."""
    header, row, *_ = rows(1, 3, labelled=False, gaps=False)
    row[1:4] = "12,500", "x", "1"
    written(call.folder / "new.csv", [header, row], ";")
    refused = call("predict", "people.nn", "new.csv")
    assert refused.code != 0 and "12,500 may be 12.500 or 12500" in refused.err
    done = said(people, "new.csv")
    assert done.returncode == 2 and b"comma before thousands or decimals" in done.stderr
    row[1] = "12,50"
    written(call.folder / "new.csv", [header, row], ";")
    assert call("predict", "people.nn", "new.csv").code == said(people, "new.csv").returncode == 0


def test_the_function_encodes_a_row(people: Path, call: Caller) -> None:
    library = ctypes.CDLL(str(people / "libpeople.so"))
    header = (people / "people.h").read_text()
    assert (
        "#define PEOPLE_CELLS 5" in header
        and "int people_encode(const char *const *cells" in header
    )
    assert "Berlin, Paris, Texas, Rome" in header
    library.people_bought_name.restype = ctypes.c_char_p
    assert [library.people_bought_name(k) for k in (-1, 0, 1, 2, 3)] == [
        None, b"may\nbe", b"no", b"yes", None,
    ]  # fmt: skip
    row = {
        "Customer Age": "34",
        "Width": "1",
        "Height": "2",
        "City": "Rome",
        "joined": "2021-06-07",
    }
    library.people_column.restype = ctypes.c_char_p
    order = [library.people_column(k).decode() for k in range(5)]
    texts = [
        next(v for k, v in row.items() if k.lower() == name.lower()).encode() for name in order
    ]
    cells, wrong = (ctypes.c_char_p * 5)(*texts), ctypes.c_int(-1)
    age, size, city, joined = ((ctypes.c_float * n)() for n in (1, 2, 1, 1))
    by_name = {"age": age, "size": size, "city": city, "joined": joined}
    names = header.partition("people_encode(const char *const *cells, ")[2].partition(
        ", int *wrong"
    )[0]
    given = [by_name[word.split("*")[1]] for word in names.split(", ")]
    assert library.people_encode(cells, *given, ctypes.byref(wrong)) == 0
    scores = (ctypes.c_float * 3)()
    assert library.people_run(*given, scores, 1) == 0
    spoilt = (ctypes.c_char_p * 5)(*[b"Athens" if t == b"Rome" else t for t in texts])
    assert library.people_encode(spoilt, *given, ctypes.byref(wrong)) < 0
    assert order[wrong.value] == "City"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "needs a header and at least one row"),
        (b"a,b\n1,2\n", "no column Customer Age"),
        (b'"a,b\n1,2\n', "is no table: its quotes"),
        (b"a,b\n1,\0002\n", "is no text: it has a byte of 0"),
        (b"Customer.Age,Width,Height,City,Joined\n1,2,3,Rome,2020-01-01\n", "no column Customer"),
    ],
)
def test_what_is_no_such_table_is_refused(people: Path, text: bytes, what: str) -> None:
    done = said(people, "-", given=text)
    assert done.returncode == 2 and what.encode() in done.stderr
