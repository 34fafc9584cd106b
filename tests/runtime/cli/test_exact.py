"""The switches of optimisations on the command line: `--without`, `--exact`, and what was used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.pipeline import OPTIONAL
from compiler.schedule.rewrites import INEXACT
from tests.runtime.cli.calling import Caller

CONVOLUTION = """
model f(x : [24, 24, 16]) -> [24, 24, 16] { x |> conv(16, 3x3) }
data images(x : [24, 24, 16]) = npz("none.npz")
train on images { minimize sum(f(x)^2) using sgd(lr = 0.001) }
"""


@pytest.mark.parametrize("command", ["train", "eval", "run", "verify", "bench", "show"])
def test_every_command_that_compiles_lists_the_switches(command: str, call: Caller) -> None:
    text = "".join(call(command, "--help").out.split())
    assert "--exact" in text
    assert [name for name in OPTIONAL if name not in text] == []
    assert all(name in text.partition("--exact")[2] for name in INEXACT)


def test_readme_lists_the_switches() -> None:
    text = (Path(__file__).parents[3] / "README.md").read_text()
    assert [name for name in OPTIONAL if name not in text] == []


def test_verify_and_bench_say_which_are_used_and_how_far_they_were_off(call: Caller) -> None:
    spec = call.folder / "conv.nn"
    spec.write_text(CONVOLUTION)
    (line,) = (
        check for check in call("verify", spec, "--examples", "3", "--json").data
        if check["against"] == "exact form, float32" and "updates" not in check["what"]
    )  # fmt: skip
    assert "winograd" in line["what"] and 0 < line["difference"] < line["bound"]
    (step,) = call("bench", spec, "--batch", "2", "--json").data
    assert step["inexact"]["winograd"] and 0 < step["off"] < 1e-4
    (step,) = call("bench", spec, "--batch", "2", "--json", "--exact").data
    assert step["inexact"] == {} and step["off"] == 0


def test_a_run_keeps_that_it_was_exact(call: Caller) -> None:
    spec = call.folder / "line.nn"
    (call.folder / "xy.csv").write_text("x,y\n1,2\n2,4\n3,6\n")
    spec.write_text(
        'model f(x : scalar) -> scalar { param w = 1; w * x }\n'
        'data points(x : scalar, y : scalar) = csv("xy.csv")\n'
        "train on points { minimize (f(x) - y)^2 using sgd(lr = 0.01), epochs 1 }\n"
    )  # fmt: skip
    assert call("train", spec, "--exact", "--out", call.folder / "runs").code == 0
    kept = json.loads((call.folder / "runs" / "line" / "command.json").read_text())
    assert kept["exact"] is True
