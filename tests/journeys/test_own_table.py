"""A table as it comes out of an office, to answers about new customers and how good they are."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.cli.calling import Caller

HEAD = "Customer Age;Annual Income (EUR);Home City;Sex;Sign-up Date;Bought?"
SPEC = """
model net(age : scalar, income : scalar, city : class(3), sex : class(3), since : scalar) -> [3] {
    concat(stack(age, income, since), one_hot(city, 3), one_hot(sex, 3))
        |> dense(16) |> relu |> dense(3)
}
data customers(age : scalar, income : scalar, city : class(3), sex : class(3), since : scalar,
    bought : class(3)) = csv("customers.csv", age = "Customer Age",
    income = "Annual Income*", city = "Home City", since = "Sign-up Date",
    missing = "median", standardised = "all")
train on customers {
    minimize cross_entropy(net(age, income, city, sex, since), bought)
    report accuracy(net(age, income, city, sex, since), bought)
    using adam(lr = 0.02), batch 32, epochs 25, seed 1
}
"""


def table(count: int, seed: int, *, label: bool = True) -> str:
    """Rows with decimal commas, dates, gaps; who has the money buys, who is old perhaps."""
    generator, lines = np.random.default_rng(seed), [HEAD if label else HEAD.rsplit(";", 1)[0]]
    for _ in range(count):
        age, income = int(generator.integers(18, 80)), generator.uniform(12_000, 90_000)
        city, sex = generator.choice(["Rome", "Berlin", "Paris"]), generator.choice(["f", "m", ""])
        date = f"{generator.integers(1, 29):02}.{generator.integers(1, 13):02}.20{age % 10 + 10}"
        bought = "yes" if income > 55_000 else "maybe" if age > 50 else "no"
        gap = generator.random() < 0.05
        cells = ["NA" if gap else str(age), f"{income:.2f}".replace(".", ","), city, sex, date]
        lines.append(";".join([*cells, bought] if label else cells))
    return "\n".join(lines) + "\n"


@pytest.fixture
def office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    """`gradc` in the folder where the tables and the spec are."""
    monkeypatch.chdir(tmp_path)
    call = Caller(tmp_path, capsys)
    (call.folder / "customers.csv").write_text("\ufeff" + table(400, 0), newline="\r\n")
    (call.folder / "new.csv").write_text(table(20, 1, label=False))
    (call.folder / "later.csv").write_text(table(150, 2))
    (call.folder / "customers.nn").write_text(SPEC.replace(",\n    ", ", "))
    return call


def test_from_a_table_to_answers(office: Caller, tmp_path: Path) -> None:
    assert office("check", "customers.nn").code == 0
    trained = office("train", "customers.nn")
    assert trained.code == 0, trained.err
    assert "next: gradc predict customers.nn NEW.csv" in trained.err
    answer = office("predict", "customers.nn", "new.csv", "--save", "answers.csv")
    assert answer.code == 0, answer.err
    lines = (tmp_path / "answers.csv").read_text().splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("row,bought,bought_probability,bought=maybe,bought=no,bought=yes")
    rich = ("age=40", "income=85000", "city=Rome", "sex=f", "since=2015-03-01")
    one = office("predict", "customers.nn", *rich, "--json").data[0]["bought"]
    assert one["class"] == "yes" and sum(one["probabilities"].values()) == pytest.approx(1)
    measured = office("eval", "customers.nn", "--data", "later.csv", "--json").data
    assert measured["examples"] == 150
    assert measured["fields"]["bought"]["accuracy"] > 0.85
    assert measured["fields"]["bought"]["mean"]["auc"] > 0.9
    shown = office("eval", "customers.nn", "--data", "later.csv")
    assert "and is said to be" in shown.out and "yes" in shown.out


def test_tuning(office: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rates beside each other, the better one for longer, and what was done is told."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    swept = office("sweep", "customers.nn", "--set", "lr=0.03,0.001", "--epochs", "4")
    assert swept.code == 0, swept.err
    best = office("runs", "runs/customers-sweep", "--sort", "held_out.loss", "--json").data[0]
    assert best["is_best"] and best["settings"]["lr"] == 0.03
    assert office("compare", *(f"runs/customers-sweep/lr={lr}" for lr in (0.03, 0.001))).code == 0
    more = office("train", "--resume", best["run"], "--epochs", "8", "--set", "lr=0.003")
    assert more.code == 0, more.err
    settings = json.loads((office.folder / best["run"] / "settings.json").read_text())
    assert [line["after_epoch"] for line in settings["history"]] == [0, 4]
    assert office("predict", "customers.nn", "new.csv", "--weights", best["run"]).code == 0
