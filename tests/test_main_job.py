"""The README's first command: example D.3 trains on real digits, with an empty cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_example_d3_reaches_97_percent_on_held_out_digits(tmp_path: Path) -> None:
    environment = os.environ | {
        "GRADC_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    spec, runs = ROOT / "specs" / "mnist_cnn.nn", tmp_path / "runs"
    command = [sys.executable, "-m", "gradc_runtime.cli", "train", str(spec), "--out", str(runs)]
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=tmp_path)
    rows = (runs / "mnist_cnn" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["held_out.accuracy"] >= 0.97
