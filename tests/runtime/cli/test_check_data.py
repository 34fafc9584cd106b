"""`gradc check` looks at the first examples of a spec's data, and at nothing else of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_runtime.cli.actions.data_head import FILES, ROWS
from tests.runtime.cli.calling import LINE, Caller

SAID = 'csv("points.csv")'


def write(call: Caller, fields: str, source: str) -> None:
    """A spec of data alone."""
    call.spec.write_text(f"model f(x : scalar) -> scalar {{ x }}\ndata d({fields}) = {source}\n")


@pytest.mark.parametrize(
    ("text", "fields", "said"),
    [
        (None, "x : scalar", 'no file "d.csv" in '),
        ("a\n1\n", "x : scalar", "d.csv: no column x; it has a"),
        ("x\n1\ntwo\n", "x : scalar", 'd.csv:3: column x: "two" is not a number'),
        (
            "x\n1\n2\n",
            "x : class(2)",
            'd.csv:3: column x: "2" is outside class(2) of x, which allows 0 to 1',
        ),
        ("x\na\nb\nc\n", "x : class(2)", "column x has 3 categories (a, b, c), but x : class(2)"),
        ("x_0,x_1\n1,2\n", "x : [3]", "no column x_2 (field x : [3] is x_0 to x_2)"),
        ("x,y\n1\n", "x : scalar", "d.csv:2: 1 value, but the header names 2"),
    ],
)
def test_a_table_that_does_not_fit_is_told(
    call: Caller, text: str | None, fields: str, said: str
) -> None:
    if text is not None:
        (call.folder / "d.csv").write_text(text)
    write(call, fields, 'csv("d.csv")')
    answer = call("check", call.spec)
    assert answer.code == 1 and said in answer.err
    column = len(f"data d({fields}) = ") + 1
    assert answer.err.splitlines()[-1].startswith(f"{call.spec}:2:{column}: ")
    (found,) = call("check", call.spec, "--json").data["errors"]
    assert said in found["message"] and found["primary"]["line"] == 2
    assert call("check", call.spec, "--no-data").code == 0


def test_only_the_first_rows_are_read(call: Caller) -> None:
    rows = [f"{k % 7},1" for k in range(ROWS)]
    write(call, "x : scalar, y : scalar", 'csv("d.csv", missing = "drop")')
    (call.folder / "d.csv").write_text("\n".join(["x,y", *rows, "no number,1"]))
    assert call("check", call.spec).code == 0
    (call.folder / "d.csv").write_text("\n".join(["x,y", *[",1"] * ROWS, "1,1"]))
    assert call("check", call.spec).code == 0  # later rows may be without gaps
    write(call, "x : scalar, y : scalar", 'csv("d.csv", missing = "mean", standardised = "all")')
    assert call("check", call.spec).code == 0


@pytest.mark.parametrize(
    ("source", "fields", "said"),
    [
        ('npz("d.npz")', "x : [3]", "x: declared [3], so [N, 3] is expected; got [4, 2]"),
        ('npy(x = "x.npy")', "x : [3]", "x: declared [3], so [N, 3] is expected; got [4, 2]"),
        ('jsonl("d.jsonl")', "x : scalar", "d.jsonl:2: x is missing"),
        ('npy(x = "none.npy")', "x : [3]", 'no file "none.npy"'),
        ('images("none")', "x : [4, 4, 1]", 'no file "none"'),
        ('csv("../d.csv")', "x : scalar", "add --allow-path"),
    ],
)
def test_other_files_are_looked_at(call: Caller, source: str, fields: str, said: str) -> None:
    np.savez(call.folder / "d.npz", x=np.zeros((4, 2)))
    np.save(call.folder / "x.npy", np.zeros((4, 2)))
    (call.folder / "d.jsonl").write_text('{"x": 1}\n{"y": 1}\n')
    write(call, fields, source)
    answer = call("check", call.spec)
    assert answer.code == 1 and said in answer.err


def test_some_pictures_of_every_class_are_read(call: Caller) -> None:
    pillow = pytest.importorskip("PIL.Image")
    for name in ("cats", "dogs"):
        (call.folder / "pets" / name).mkdir(parents=True)
        for k in range(3 * FILES):
            pillow.new("L", (5, 5), k).save(call.folder / "pets" / name / f"{k}.png")
    fields = "image : [4, 4, 1], label : class(2)"
    write(call, fields, 'images("pets")')
    assert call("check", call.spec).code == 0
    (call.folder / "pets" / "dogs" / "0.png").write_bytes(b"no picture")
    answer = call("check", call.spec)
    assert answer.code == 1 and "pets/dogs/0.png" in answer.err
    write(call, fields.replace("(2)", "(3)"), 'images("pets")')
    assert "pets: has 2 folders (cats, dogs), but label : class(3)" in call("check", call.spec).err


def test_allow_path_and_set_go_with_check(call: Caller, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    spec = inner / "line.nn"
    spec.write_text(LINE.replace(SAID, 'csv("../points.csv")'))
    assert call("check", spec).code == 1
    assert call("check", spec, "--allow-path").code == 0
    call.spec.write_text("let n = 3\nmodel f(x : [2]) -> [n] { x |> dense(n) }\n")
    assert call("check", call.spec, "--json").data["total"] == 9
    assert call("check", call.spec, "--set", "n=5", "--json").data["total"] == 15
    refused = call("check", call.spec, "--set", "m=5")
    assert refused.code == 2 and "m" in refused.err
