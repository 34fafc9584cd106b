"""A file whose numbers can be read in two ways is read as the table that was trained on."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import pytest

from gradc_runtime.data.tables.dialect import Dialect, dialect_of
from tests.runtime.cli.calling import Caller

SPEC = """model net(income : scalar) -> [1] { stack(income) |> dense(1) }
data people(income : scalar, spent : [1]) = csv("people.csv", spent = "spent", standardised = "all")
train on people { minimize mean_squared_error(net(income), spent) using sgd(lr = 0.1), epochs 2 }
"""
TRAINED = "income;spent\n" + "".join(f"{k}0.{k}00,50;{k},5\n" for k in range(1, 9))


@pytest.mark.parametrize(
    ("usual", "text", "expected"),
    [
        ((",", "."), "12.345", (",", ".")),
        ((",", "."), "1.234.567", (",", ".")),
        ((",", "."), "12.345;3.5", (".", "")),  # 3.5 tells
        ((",", "."), "12,345", (",", ".")),
        ((".", ","), "12,345", (".", ",")),
        ((".", ","), "12,345;3,5", (",", "")),
        ((",", "."), "name;x\nwords;7", (",", ".")),
    ],
)
def test_only_what_is_unclear_is_read_as_before(
    usual: tuple[str, str], text: str, expected: tuple[str, str]
) -> None:
    found = dialect_of(["a;b\n", *text.splitlines(True)], Dialect(";", "", usual=usual), "t.csv")
    assert (found.decimal, found.thousands) == expected


def test_commas_between_columns_are_in_no_number() -> None:
    found = dialect_of(["a,b\n", "1,12.345\n"], Dialect("", "", usual=(",", ".")), "t.csv")
    assert (found.separator, found.decimal) == (",", ".")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_run_remembers_the_spelling(call: Caller, streamed: bool) -> None:
    """12.345 is 12345 for a run that was trained on 12.345,00; so it is to the built program."""
    folder: Path = call.folder
    how = ', standardised = "all"' if streamed else ""
    (folder / "people.nn").write_text(SPEC.replace(how, "", 1))
    (folder / "people.csv").write_text(TRAINED)
    blocks = ["--set", "in_memory=0"] if streamed else []
    assert call("train", "people.nn", "--threads", "1", *blocks).code == 0
    for name, cell in (("point", "12.345"), ("comma", "12.345,0"), ("plain", "12345")):
        (folder / f"{name}.csv").write_text(f"income;unused\n{cell};1\n7;2\n")
    answers = [call("predict", "people.nn", f"{n}.csv").out for n in ("point", "comma", "plain")]
    assert answers[0] and answers[0] == answers[1] == answers[2]
    if which("cc") is None:
        pytest.skip("no C compiler")
    built = call("build", "people.nn", "--weights", "runs/people", "-o", "built")
    assert built.code == 0, built.err
    said = [
        subprocess.run(["built/people", f"{n}.csv"], cwd=folder, capture_output=True, check=True)
        for n in ("point", "comma")
    ]
    assert said[0].stdout and said[0].stdout == said[1].stdout
