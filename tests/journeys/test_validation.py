"""A table to train on and another to validate on, as competitions and colleagues hand them out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.pipeline import compilation
from gradc_compiler.syntax.parse.read_file import read_source
from tests.runtime.cli.calling import Caller

SPEC = """model net(x : [2]) -> [2] { x |> dense(8) |> relu |> dense(2) }
data people(x : [2], label : class(2)) = csv("train.csv", x = "age, income", standardised = "all")
data others(x : [2], label : class(2)) = csv("valid.csv", x = "age, income", standardised = "all")
train on people {
    minimize cross_entropy(net(x), label)
    using adam(lr = 0.05), batch 8, epochs 6
    validate on others
}
"""


def table(count: int, seed: int) -> str:
    """Rows of people of whom the older ones say yes."""
    draw = np.random.default_rng(seed)
    age, income = draw.uniform(20, 80, count), draw.uniform(1e4, 9e4, count)
    rows = (
        f"{a:.1f},{i:.0f},{('no', 'yes')[int(a > 50)]}" for a, i in zip(age, income, strict=True)
    )
    return "age,income,label\n" + "\n".join(rows) + "\n"


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    """`gradc` in the folder where the tables are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.csv").write_text(table(60, 0))
    (tmp_path / "valid.csv").write_text(table(25, 1))
    (tmp_path / "people.nn").write_text(SPEC)
    return Caller(tmp_path, capsys)


def test_all_of_the_one_is_trained_on_and_all_of_the_other_measured(call: Caller) -> None:
    trained = call("train", "people.nn")
    assert trained.code == 0 and "60 examples to train on, 25 held out" in trained.err
    measured = call("eval", "people.nn", "--json").data
    assert measured["examples"] == 25 and measured["loss"] < 0.3
    new = call("eval", "people.nn", "--data", "train.csv", "--json").data
    assert new["examples"] == 60
    answers = call("predict", "people.nn", "valid.csv", "--json").data
    assert len(answers) == 25 and answers[0]["label"]["class"] in ("no", "yes")


def test_the_other_is_read_as_the_one_was(call: Caller, tmp_path: Path) -> None:
    session = gradc.Session(gradc.compile_file(tmp_path / "people.nn"), target="reference")
    data = session.dataset()
    plain = np.loadtxt(tmp_path / "train.csv", delimiter=",", skiprows=1, usecols=(0, 1))
    other = np.loadtxt(tmp_path / "valid.csv", delimiter=",", skiprows=1, usecols=(0, 1))
    wanted = (other - plain.mean(0)) / plain.std(0)
    np.testing.assert_allclose(data.held_out.arrays["x"], wanted, rtol=1e-4, atol=1e-5)
    again = gradc.Session(session.program, target="reference", dtype="float64").dataset(data)
    assert again.held_out.examples == 25 and again.held_out.arrays["x"].dtype == np.float64


def test_what_is_read_in_blocks_may_validate_on_what_is_not(call: Caller, tmp_path: Path) -> None:
    plain = SPEC.replace(', standardised = "all"', "")
    (tmp_path / "people.nn").write_text(plain)
    for name in ("train", "valid"):
        rows = (tmp_path / f"{name}.csv").read_text().replace("no", "0").replace("yes", "1")
        (tmp_path / f"{name}.csv").write_text(rows)
    size = (tmp_path / "valid.csv").stat().st_size
    said = call("train", "people.nn", "--set", f"in_memory={size}").err
    assert "60 examples to train on, 25 held out; read while the network trains" in said


def test_it_is_printed_as_it_is_written_and_kept_in_a_derived_program(call: Caller) -> None:
    assert call("fmt", "--check", "people.nn").code == 0
    made = compilation(read_source(Path("people.nn")), Path(), {})
    source = next(s for s in made.program.data if s.name == "people")
    assert source.validation is not None and source.validation.name == "others"
    assert "validate on others" in call("show", "people.nn", "--stage", "joint").out


def test_a_missing_table_is_one_line(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "valid.csv").unlink()
    said = call("train", "people.nn")
    assert said.code == 1 and 'no file "valid.csv"' in said.err
