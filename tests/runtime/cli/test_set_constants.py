"""`--set` of a constant: the run keeps it, and every later command builds the same network."""

from __future__ import annotations

import json
import os
import sys

import pytest

from gradc_runtime.session.checkpoint import NamedTensors, read_checkpoint
from tests.runtime.cli.calling import Caller

REFERENCE = ("--target", "reference")
RUN = "runs/line"
SPEC = """let hidden = 4
model line(x : [1]) -> [1] { x |> dense(hidden) |> tanh |> dense(1) }
data points(x : scalar, y : scalar) = csv("points.csv")
train on points {
    minimize (line([x])[0] - y)^2
    using sgd(lr = 0.05), batch 4, epochs 1, held_out 0.25
}
"""


@pytest.fixture
def trained(call: Caller) -> Caller:
    """A folder with a run of six units instead of four."""
    call.spec.write_text(SPEC)
    answer = call("train", call.spec, *REFERENCE, "--set", "hidden=6", "lr=0.01")
    assert answer.code == 0 and "19 parameters" in answer.err, answer.err
    return call


def test_a_run_keeps_the_constants_it_was_given(trained: Caller) -> None:
    command = json.loads((trained.folder / RUN / "command.json").read_text())
    assert command["overrides"] == {"hidden": 6, "lr": 0.01}
    kept = read_checkpoint(NamedTensors(trained.folder / RUN / "checkpoints").paths()[0])
    assert kept.tensors["line.dense1.W"].shape == (6, 1)


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--resume", RUN, "--epochs", "2"),
        ("eval", "line.nn", "--weights", RUN),
        ("predict", "line.nn", "x=0.5", "--weights", RUN),
        ("predict", "line.nn", "x=0.5"),
        ("run", "line.nn", "line", "--input", "x=0.5", "--weights", RUN),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_later_commands_build_the_network_of_the_run(
    trained: Caller, words: tuple[str, ...]
) -> None:
    answer = trained(*words)
    assert answer.code == 0, answer.err


def test_a_run_of_another_size_is_refused_in_one_line(trained: Caller) -> None:
    resumed = trained("train", "--resume", RUN, "--set", "hidden=5", "--epochs", "2")
    assert resumed.code == 1
    assert "line.dense1.W is float32 [6, 1], model wants float32 [5, 1]" in resumed.err
    evaluated = trained("eval", "line.nn", "--weights", RUN, "--set", "hidden=5")
    assert evaluated.code == 1 and evaluated.err.count("\n") == 1


def test_a_sweep_goes_over_sizes(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    call.spec.write_text(SPEC)
    answer = call("sweep", call.spec, "--set", "hidden=2,3", *REFERENCE)
    assert answer.code == 0 and "2 runs" in answer.err
    runs = call.folder / "runs" / "line-sweep"
    for hidden in (2, 3):
        kept = read_checkpoint(NamedTensors(runs / f"hidden={hidden}" / "checkpoints").paths()[0])
        assert kept.tensors["line.dense1.W"].shape == (hidden, 1)
