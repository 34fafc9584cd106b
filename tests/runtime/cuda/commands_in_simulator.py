"""Commands with `--target cuda`, in the simulator.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradc_runtime.cli.run_command import run

HOUSE = str(Path(__file__).parents[3] / "specs" / "house.nn")


def test_verify_has_a_row_for_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", HOUSE, "--target", "cuda", "--examples", "3", "--json"]) == 0
    rows = {row["what"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["kernels of a GPU"]["holds"] and rows["kernels of a GPU, updates"]["holds"]


def test_bench_says_what_was_predicted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", HOUSE, "--target", "cuda", "--batch", "4", "--gpu", "A100"]) == 0
    said = capsys.readouterr().out
    assert "in the simulator, " in said and "predicted for A100" in said and "measured" not in said
    assert run(["bench", HOUSE, "--target", "cuda", "--batch", "4", "--json"]) == 0
    (step,) = json.loads(capsys.readouterr().out)
    assert step["nodes"] < 10 and step["to_device"] < 200 and step["to_host"] < 200


def test_run_and_eval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path)]
    assert run(["train", HOUSE, "--target", "cuda", "--epochs", "1", *out]) == 0
    for target in ("cuda", "cpu"):
        weights = ["--weights", str(tmp_path / "house"), "--target", target]
        assert run(["eval", HOUSE, *weights, "--json"]) == 0
    first, second = (json.loads(line) for line in halves(capsys.readouterr().out))
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-5)


def halves(text: str) -> list[str]:
    """Two answers of JSON."""
    at = text.index("}\n{") + 2 if "}\n{" in text else text.index("{", 1)
    return [text[:at], text[at:]]
