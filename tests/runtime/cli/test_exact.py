"""The switches of optimisations on the command line: `--without`, `--exact`, and what was used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gradc_compiler.pipeline import OPTIONAL
from gradc_compiler.rewrites.table import INEXACT
from gradc_runtime.cli.actions import verify as verifying
from tests.runtime.cli.calling import Caller

CONVOLUTION = """
model f(x : [24, 24, 16]) -> [24, 24, 16] { x |> conv(16, 3x3) }
data images(x : [24, 24, 16]) = npz("none.npz")
train on images { minimize sum(f(x)^2) using sgd(lr = 0.001) }
"""


@pytest.mark.parametrize("command", ["train", "eval", "run", "verify", "bench", "show", "explain"])
def test_every_command_that_compiles_says_where_the_switches_are(
    command: str, call: Caller
) -> None:
    text = "".join(call(command, "--help").out.split())
    assert "--exact" in text
    assert "--without" in text and "`gradcexplainoptimisations`namesthemall" in text
    assert all(name in text.partition("--exact")[2] for name in INEXACT)


def test_readme_says_where_the_switches_are(call: Caller) -> None:
    text = (Path(__file__).parents[3] / "README.md").read_text()
    assert "--without NAME" in text and "$ gradc explain optimisations\n" in text
    listed = call("explain", "optimisations").out
    assert [name for name in OPTIONAL if f" {name} " not in listed] == []


def test_verify_and_bench_say_which_are_used_and_how_far_they_were_off(call: Caller) -> None:
    spec = call.folder / "conv.nn"
    spec.write_text(CONVOLUTION)
    together, *alone = lines_of_inexact(call, spec)
    names = together["what"].split(", ")
    assert "winograd" in names and 0 < together["difference"] < together["bound"]
    assert [line["what"] for line in alone] == [f"{name} alone" for name in names]
    assert all(line["difference"] < line["bound"] for line in alone)
    assert alone[0]["what"] == "winograd alone" and alone[0]["difference"] > 0
    (step,) = call("bench", spec, "--batch", "2", "--json").data
    assert step["inexact"]["winograd"] and 0 < step["off"] < 1e-4
    (step,) = call("bench", spec, "--batch", "2", "--json", "--exact").data
    assert step["inexact"] == {} and step["off"] == 0


def lines_of_inexact(call: Caller, spec: Path) -> list[dict[str, Any]]:
    """Of `verify`: values against those of the exact form."""
    checks = call("verify", spec, "--examples", "3", "--json").data
    lines = (check for check in checks if check["against"] == "exact form, float32")
    return [line for line in lines if not line["what"].endswith(", updates")]


def test_verify_says_what_is_too_large_to_be_measured_by_itself(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "NODES", 0)
    spec = call.folder / "conv.nn"
    spec.write_text(CONVOLUTION)
    answer = call("verify", spec, "--examples", "1")
    assert "winograd alone" in answer.out and "too large to be measured" in answer.out
    together, *alone = lines_of_inexact(call, spec)
    assert together["difference"] > 0 and answer.code == 0
    assert alone and all(line["difference"] is None and line["holds"] for line in alone)


def test_explain_has_the_switches_and_the_numbers_of_what_is_written(call: Caller) -> None:
    plain, *others = (
        call("explain", call.spec, "--at", "x=1", "y=2", "--json", *switches)
        for switches in ([], ["--exact"], ["--without", "cse", "--without", "winograd"])
    )
    assert plain.code == 0 and all(other.data == plain.data for other in others)
    refused = call("explain", call.spec, "--at", "x=1", "y=2", "--without", "wonograd")
    assert refused.code == 2 and "did you mean winograd?" in refused.err


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
