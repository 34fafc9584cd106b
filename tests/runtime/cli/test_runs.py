"""`gradc runs` and `gradc compare`: what differs between runs, and which is the best."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runtime.cli.calling import Caller

METRICS = ("loss", "abs", "held_out.loss", "held_out.abs")


def folder(call: Caller, name: str, losses: list[float], **settings: object) -> None:
    """A run as training leaves it, with the losses of its epochs."""
    path = call.folder / "runs" / name
    path.mkdir(parents=True)
    facts = {"program": "line", "epochs": 3, "batch": 4, "data": "points.csv", "threads": 2}
    using = {"train": f"sgd(lr = {settings.pop('lr', 0.05)})"}
    (path / "settings.json").write_text(json.dumps({**facts, "using": using, **settings}))
    (path / "spec.nn").write_text("model line")
    rows = [
        {"epoch": k, "step": 3 * k, "seconds": 0.5, **dict.fromkeys(METRICS, loss)}
        for k, loss in enumerate(losses, 1)
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def three(call: Caller) -> Caller:
    folder(call, "slow", [3.0, 2.0, 1.5], lr=0.01)
    folder(call, "fast", [3.0, 0.5, 0.9], lr=0.1)
    folder(call, "begun", [2.5], lr=0.1, batch=8)
    return call


def test_a_table_of_what_differs_and_the_best(three: Caller) -> None:
    answer = three("runs")
    lines = [line.split() for line in answer.out.splitlines() if line.strip()]
    assert lines[1][:5] == ["run", "lr", "batch", "epochs", "time"]  # and neither data nor threads
    rows = {line[0]: line for line in lines[3:]}
    assert rows["begun"][:4] == ["begun", "0.1", "8", "1/3"]
    assert rows["fast"][6] == "0.5"  # of its best epoch
    assert answer.err == "best: runs/fast, held_out.loss 0.5 in epoch 2\n"


def test_filters_and_orders(three: Caller) -> None:
    def names(*options: str) -> list[str]:
        found = three("runs", "--json", *options)
        assert found.code == 0, found.err
        return [Path(run["run"]).name for run in found.data]

    assert names("--sort", "held_out.loss") == ["fast", "slow", "begun"]
    assert names("--filter", "lr<0.05") == ["slow"]
    assert names("--filter", "lr=0.10", "--filter", "batch != 8") == ["fast"]
    assert names("--filter", "held_out.loss>=1.5", "--sort", "run") == ["begun", "slow"]
    assert names("--filter", "run=fast") == ["fast"]
    assert three("runs", "--filter", "program=other").err == "no run fits\n"
    best = three("runs", "--json").data
    assert [run["is_best"] for run in best if run["run"] == "runs/fast"] == [True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--filter", "lr"], "--filter has the form lr<0.01"),
        (["--filter", "rate<1"], "no run has rate"),
        (["--sort", "los"], "no run has los; did you mean loss?"),
        (["nowhere"], "there is no folder nowhere"),
        (["runs/slow/checkpoints"], "there is no folder"),
    ],
)
def test_mistakes_are_one_line(three: Caller, options: list[str], message: str) -> None:
    answer = three("runs", *options)
    assert (answer.code, answer.err.count("\n")) == (2, 1) and message in answer.err


def test_a_narrow_terminal(three: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics beside the score go first, and what differs stays as long as it can."""
    for width in (80, 60, 40):
        monkeypatch.setattr("gradc_runtime.cli.actions.output.WIDE", width)
        out = three("runs").out
        assert max(map(len, out.splitlines())) <= width
        assert "lr" in out and "held_out" in out and "slow" in out


def test_damaged_folders_are_runs_without_facts(call: Caller) -> None:
    folder(call, "whole", [1.0])
    for name, text in (("empty", ""), ("list", "[1, 2]"), ("deep", "[" * 9999)):
        (call.folder / "runs" / name).mkdir()
        (call.folder / "runs" / name / "settings.json").write_text(text)
    answer = call("runs")
    assert answer.code == 0 and {"whole", "empty", "list", "deep"} <= {*answer.out.split()}


def test_before_any_run(call: Caller) -> None:
    answer = call("runs")
    assert answer.code == 2 and "there is no folder runs" in answer.err


def test_names_are_no_markup(call: Caller) -> None:
    folder(call, "[bold]x[", [1.0], data="[/red]")
    folder(call, "b", [2.0], data="d")
    out = call("runs").out
    assert "[bold]x[" in out and "[/red]" in out


def test_runs_side_by_side(three: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = three("compare", "slow", "runs/fast", "begun")
    rows = {line.split()[0]: line.split() for line in answer.out.splitlines() if line.strip()}
    assert rows["slow"] == ["slow", "fast", "begun"] and rows["lr"] == ["lr", "0.01", "0.1", "0.1"]
    assert rows["held_out.loss"][-3:] == ["1.5", "0.5", "2.5"]
    data = three("compare", "slow", "fast", "--json").data
    assert data["differs"] == {"lr": [0.01, 0.1]}
    assert three("compare", "slow").code == 2
    assert "no run in runs is called so" in three("compare", "slow", "fats").err
    monkeypatch.setattr("gradc_runtime.cli.actions.compare.find_spec", lambda name: None)
    assert "pip install matplotlib" in three("compare", "slow", "fast").err


def test_a_picture_of_all_curves(three: Caller) -> None:
    pytest.importorskip("matplotlib", reason="draws")
    assert "as a picture: compare.png" in three("compare", "slow", "fast", "begun").err
    assert three("compare", "slow", "fast", "--save", "two.png").code == 0
    for name in ("compare.png", "two.png"):
        assert (three.folder / name).read_bytes().startswith(b"\x89PNG")


def test_a_resumed_run_remembers_what_was_changed(call: Caller) -> None:
    reference = ("--target", "reference")
    assert call("train", call.spec, *reference, "--epochs", "2").code == 0
    more = call("train", "--resume", "runs/line", "--epochs", "4", "--set", "lr=0.01")
    assert more.code == 0
    again = call("train", "--resume", "runs/line")
    assert "all 4 epochs are done, --epochs N goes on" in again.err
    settings = json.loads((call.folder / "runs/line/settings.json").read_text())
    assert settings["epochs"] == 4 and settings["using"] == {"train": "sgd(lr = 0.01)"}
    first, second, third = settings["history"]
    assert (first["after_epoch"], "changed" in first) == (0, False)
    assert (second["after_epoch"], second["after_step"]) == (2, 6)
    assert second["changed"] == {
        "epochs": [2, 4], "using": [{"train": "sgd(lr = 0.05)"}, {"train": "sgd(lr = 0.01)"}],
    }  # fmt: skip
    assert (third["after_epoch"], third["changed"]) == (4, {})


def test_what_is_refused_is_not_remembered(call: Caller) -> None:
    assert call("train", call.spec, "--target", "reference").code == 0
    known = (call.folder / "runs/line/command.json").read_text()
    refused = call("train", "--resume", "runs/line", "--batch", "6", "--epochs", "9")
    assert refused.code == 1 and "batch" in refused.err
    assert (call.folder / "runs/line/command.json").read_text() == known


def test_going_on_from_the_best_epoch_is_a_run_of_its_own(call: Caller) -> None:
    text = call.spec.read_text().replace("lr = 0.05", "lr = 0.3")
    call.spec.write_text(text.replace("epochs 3", "epochs 6"))
    assert call("train", call.spec, "--target", "reference").code == 0
    run = call.folder / "runs" / "line"
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    best = call("runs", "--json").data[0]["best"]["epoch"]
    file = "runs/line/checkpoints/best.safetensors"
    answer = call("train", "--resume", file, "--set", "lr=0.01", "--epochs", str(best + 2))
    assert answer.code == 0, answer.err
    assert f"goes on from epoch {best} of runs/line, as runs/line-2" in answer.err
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    other = (call.folder / "runs/line-2/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in other][:best] == rows[:best]
    assert len(other) == best + 2
    history = json.loads((call.folder / "runs/line-2/settings.json").read_text())["history"]
    assert history[1]["after_epoch"] == best
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    named = call("train", "--resume", file, "--name", "again", "--epochs", str(best + 1))
    assert named.code == 0 and "of runs/line, as runs/again" in named.err
    (call.folder / "loose.safetensors").write_bytes((call.folder / file).read_bytes())
    assert call("train", "--resume", "loose.safetensors").code == 2
