"""`gradc train --watch gradients`: what is written and shown, and that training is not touched."""

from __future__ import annotations

import csv
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gradc_runtime.cli.actions.value_monitor import Asked
from gradc_runtime.session.checkpoint import read_checkpoint
from tests.runtime.cli.calling import Caller

WATCH = ("--watch", "gradients", "--target", "reference")
CHAIN = """
layer unit(weight : number)(x : scalar) -> scalar {
    param w = weight
    param b = 0
    relu(w * x + b)
}
model halving(x : scalar) -> scalar { x |> repeat(20, unit(0.5)) }
model doubling(x : scalar) -> scalar { x |> repeat(20, unit(2)) }
data points(x : scalar, y : scalar) = line(n = 32)
train on points {
    step vanish  { minimize halving(x) over halving using sgd(lr = 0) }
    step explode { minimize doubling(x) over doubling using sgd(lr = 0) }
    epochs 2
}
"""


def rows_of(run: Path) -> list[dict[str, str]]:
    """What a run has in its file of gradients."""
    with (run / "gradients.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def last(run: Path) -> dict[str, np.ndarray]:
    """The numbers of the last checkpoint."""
    paths = sorted((run / "checkpoints").glob("*.safetensors"), key=lambda p: p.stat().st_mtime_ns)
    return dict(read_checkpoint(paths[-1]).tensors)


def test_a_deep_chain_vanishes_and_explodes(call: Caller) -> None:
    call.spec.write_text(CHAIN)
    answer = call("train", call.spec, *WATCH)
    assert answer.code == 0
    assert "halving.unit1.w" in answer.err and "... 28 more" in answer.err
    norms = {
        row["parameter"]: float(row["norm"])
        for row in rows_of(call.folder / "runs" / "line")
        if row["epoch"] == "1"
    }
    for k in range(1, 20):  # a layer nearer to the input is one more factor away from the loss
        assert norms[f"halving.unit{k}.b"] == pytest.approx(norms[f"halving.unit{k + 1}.b"] / 2)
        assert norms[f"doubling.unit{k}.b"] == pytest.approx(norms[f"doubling.unit{k + 1}.b"] * 2)


def test_each_epoch_has_a_row_for_each_parameter(call: Caller) -> None:
    assert call("train", call.spec, *WATCH).code == 0
    rows = rows_of(call.folder / "runs" / "line")
    assert [(row["epoch"], row["batches"]) for row in rows[::2]] == [
        ("1", "0"), ("2", "3"), ("3", "6")]  # fmt: skip
    assert [row["parameter"] for row in rows[:2]] == ["line.a", "line.b"]
    first = float(rows[0]["norm"])
    assert first > 0 and rows[0]["step"] == "train" and rows[0]["zeros"] == "0.0"


def test_watching_changes_no_bit(call: Caller) -> None:
    assert call("train", call.spec, *WATCH, "--name", "watched").code == 0
    assert call("train", call.spec, *WATCH[2:], "--name", "plain").code == 0
    watched, plain = (last(call.folder / "runs" / name) for name in ("watched", "plain"))
    assert all(watched[name].tobytes() == plain[name].tobytes() for name in plain)


def test_a_resumed_run_goes_on_with_its_file(call: Caller) -> None:
    run = call.folder / "runs" / "line"
    assert call("train", call.spec, *WATCH, "--epochs", "2").code == 0
    assert call("train", call.spec, *WATCH, "--epochs", "4", "--resume").code == 0
    assert [row["epoch"] for row in rows_of(run)[::2]] == ["1", "2", "3", "4"]


def test_a_picture_where_matplotlib_is_installed(call: Caller) -> None:
    pytest.importorskip("matplotlib")
    answer = call("train", call.spec, *WATCH)
    picture = call.folder / "runs" / "line" / "gradients.png"
    assert picture.read_bytes().startswith(b"\x89PNG") and "gradients.png" in answer.err


def test_without_matplotlib_there_is_no_picture(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gradc_runtime.cli.actions.plot", None)
    assert call("train", call.spec, *WATCH).code == 0
    assert not (call.folder / "runs" / "line" / "gradients.png").exists()


RECURRENT = """
model plain(xs : seq [2]) -> [3] { xs |> scan(elman(3)) |> last }
model gated(xs : seq [2]) -> [3] { xs |> scan(lstm(3)) |> last }
data numbers(xs : seq [2], y : scalar) = addition(24, length = 20)
train on numbers {
    step first  { minimize sum(plain(xs)) over plain using sgd(lr = 0.1) }
    step second { minimize norm(gated(xs)) over gated using sgd(lr = 0.1) }
    batch 8
    epochs 2
}
"""


def test_states_are_watched_back_through_time(call: Caller) -> None:
    """The last of Elman's states has the gradient 1 everywhere; that of the others vanishes."""
    call.spec.write_text(RECURRENT)
    answer = call("train", call.spec, *WATCH)
    assert answer.code == 0 and "gated.lstm1.c" in answer.err
    run = call.folder / "runs" / "line"
    with (run / "gradients_over_time.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["state"] for row in rows} == {"plain.elman1", "gated.lstm1", "gated.lstm1.c"}
    first = [row for row in rows if row["state"] == "plain.elman1" and row["epoch"] == "1"]
    assert [int(row["back"]) for row in first] == list(range(len(first)))
    assert {int(row["sequences"]) for row in first[:20]} == {8}
    assert float(first[0]["norm"]) == pytest.approx(np.sqrt(3))
    norms = [float(row["norm"]) for row in first[:20]]
    assert all(later < earlier for earlier, later in pairwise(norms))


def test_the_file_of_states_goes_on_too(call: Caller) -> None:
    call.spec.write_text(RECURRENT)
    run = call.folder / "runs"
    assert call("train", call.spec, *WATCH, "--name", "whole").code == 0
    assert call("train", call.spec, *WATCH, "--name", "cut", "--epochs", "1").code == 0
    assert call("train", call.spec, *WATCH, "--resume", "cut", "--epochs", "2").code == 0
    whole, cut = ((run / n / "gradients_over_time.csv").read_text() for n in ("whole", "cut"))
    assert whole == cut


KINKED = """model f(x : scalar) -> scalar {
    param w = 0
    param v = 3
    a = w * x
    h = relu(a)
    s = tanh(v * 100 + h)
    h + s
}
data points(x : scalar, y : scalar) = csv("points.csv")
train on points {
    minimize (f(x) - y)^2
    using sgd(lr = 0.01), batch 4, epochs 2
}
"""


def csv_of(run: Path, what: str) -> list[dict[str, str]]:
    with (run / f"{what}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_kinks_saturation_values_and_updates(call: Caller, target: str) -> None:
    """w = 0 puts relu on its kink for the whole batch, tanh(300) is flat, and v does not move."""
    call.spec.write_text(KINKED)
    what = [x for w in ("kinks", "saturation", "values:h", "updates") for x in ("--watch", w)]
    answer = call("train", call.spec, *what, "--target", target, "--held-out", "0")
    assert answer.code == 0, answer.err
    run = call.folder / "runs" / "line"
    kink = csv_of(run, "kinks")[0]
    assert (kink["name"], kink["operator"], kink["met"], kink["numbers"]) == (
        "h",
        "maximum",
        "4",
        "4",
    )
    flat = {
        row["name"]: float(row["flat"]) for row in csv_of(run, "saturation") if row["epoch"] == "1"
    }
    assert flat == {"h": 1.0, "s": 1.0}
    values = csv_of(run, "values")
    assert {row["name"] for row in values} == {"h"} and values[0]["zeros"] == "1.0"
    updates = {row["name"]: row for row in csv_of(run, "updates") if row["epoch"] == "2"}
    assert updates.keys() == {"f.w", "f.v"} and float(updates["f.v"]["update"]) == 0
    assert "kinks: share of numbers at the kink" in answer.err and "h maximum, line 5" in " ".join(
        answer.err.split()
    )


def test_watched_values_change_no_bit_and_go_on(call: Caller) -> None:
    watched = ("--watch", "values", "--watch", "updates", "--target", "reference")
    assert call("train", call.spec, *watched, "--name", "watched", "--epochs", "2").code == 0
    assert call("train", call.spec, *WATCH[2:], "--name", "plain", "--epochs", "2").code == 0
    one, other = (last(call.folder / "runs" / name) for name in ("watched", "plain"))
    assert all(one[name].tobytes() == other[name].tobytes() for name in other)
    again = call("train", call.spec, *watched, "--name", "watched", "--epochs", "3", "--resume")
    assert again.code == 0
    epochs = [row["epoch"] for row in csv_of(call.folder / "runs" / "watched", "updates")]
    assert epochs == ["1", "1", "2", "2", "3", "3"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("kinsk", "kinsk is nothing that can be watched; did you mean kinks?"),
        ("values:slop", "no value is called slop"),
        ("gradients:a", "all gradients are watched together"),
    ],
)
def test_what_cannot_be_watched(call: Caller, what: str, said: str) -> None:
    answer = call("train", call.spec, "--watch", what)
    assert answer.code == 2 and said in answer.err


def test_updates_of_a_parameter_without_its_model() -> None:
    """Everywhere else a parameter is called `dense1.W`, so it is here."""
    for pattern in ("dense1.W", "inside.dense1.W", "dense*", "inside.*"):
        assert Asked("updates", pattern).wants("inside.dense1.W"), pattern
    assert not Asked("updates", "dense2.*").wants("inside.dense1.W")
