"""`gradc eval`: how good predictions are, as tables, as data and as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.runtime.cli.calling import SPECS, Caller

REFERENCE = ("--target", "reference")


def trained(call: Caller, name: str, *options: str) -> Path:
    """A spec with a run of few epochs."""
    path = call.folder / f"{name}.nn"
    path.write_bytes((SPECS / f"{name}.nn").read_bytes())
    assert call("train", path, *REFERENCE, *options).code == 0
    return path


def test_classes_are_measured_one_by_one(call: Caller) -> None:
    path = trained(call, "circle", "--epochs", "2")
    answer = call("eval", path, *REFERENCE)
    assert answer.err.startswith("weights of runs/circle, the last run of circle")
    assert "precision recall F1 AUC examples" in answer.words and "\n accuracy " in answer.out
    assert "and is said to be label is 0 1" in answer.words
    data = call("eval", path, *REFERENCE, "--json").data
    label = data["fields"]["label"]
    assert label["accuracy"] == pytest.approx(data["accuracy"])  # as the spec itself reports
    assert np.sum(label["confusion"]) == data["examples"] == 200
    assert {*label["classes"]["1"]} == {"precision", "recall", "f1", "auc", "examples"}


def test_numbers_are_measured_in_the_measure_of_their_table(call: Caller) -> None:
    for tail in ("", ', standardised = "all"'):
        text = call.spec.read_text()
        call.spec.write_text(text.replace('csv("points.csv"', f'csv("points.csv"{tail}'))
        (call.folder / "new.csv").write_text("x,y\n0,11\n1,12\n2,16\n")
        assert call("train", call.spec, "--epochs", "400").code == 0
        found = call("eval", call.spec, "--data", "new.csv", "--json").data
        assert found["fields"]["y"]["mae"] == pytest.approx(9, abs=0.05)  # y is 3 x + 1
        assert found["fields"]["y"]["r2"] == pytest.approx(1 - (100 + 64 + 81) / 14, rel=0.05)
    assert "mean absolute error 9" in call("eval", call.spec, "--data", "new.csv").words


def test_labels_of_sequences_count_at_every_element(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = trained(call, "tagging", "--epochs", "0")
    found = call("eval", path, *REFERENCE, "--json").data
    label = found["fields"]["label"]
    assert np.sum(label["confusion"]) > 10 * found["examples"]
    # the report is a mean over examples of the means over their elements
    assert label["accuracy"] == pytest.approx(found["at_each_step"], abs=0.05)
    monkeypatch.setattr("gradc_runtime.cli.actions.output.WIDE", 60)
    out = call("eval", path, *REFERENCE).out  # ten classes on a narrow terminal
    assert "said to be" in out and "times" in out and "label is" not in out
    assert max(map(len, out.splitlines())) <= 60


def test_several_steps_are_told_apart(call: Caller) -> None:
    steps = "".join(
        f"    step {name} {{ minimize (line(x) - y)^2 over line using sgd(lr = {rate}) }}\n"
        for name, rate in (("fast", 0.05), ("slow", 0.01))
    )
    head = call.spec.read_text().partition("train on")[0]
    call.spec.write_text(f"{head}train on points {{\n{steps}}}\n")
    assert call("train", call.spec, *REFERENCE, "--epochs", "0").code == 0
    fields = call("eval", call.spec, *REFERENCE, "--json").data["fields"]
    assert {*fields} == {"fast.y", "slow.y"}


def test_what_predicts_nothing_has_its_losses_only(call: Caller) -> None:
    path = trained(call, "wgan_gp", "--epochs", "0")
    assert call("eval", path, *REFERENCE, "--json").data["fields"] == {}


def test_a_picture(call: Caller) -> None:
    pytest.importorskip("matplotlib", reason="draws")
    path = trained(call, "circle", "--epochs", "0")
    assert "runs/circle/eval.png" in call("eval", path, *REFERENCE, "--plot").err
    assert call("eval", path, *REFERENCE, "--plot", "own.png").code == 0
    assert call("train", call.spec, *REFERENCE).code == 0
    assert call("eval", call.spec, *REFERENCE, "--plot").code == 0
    for drawn in ("runs/circle/eval.png", "own.png", "runs/line/eval.png"):
        assert (call.folder / drawn).read_bytes().startswith(b"\x89PNG")
