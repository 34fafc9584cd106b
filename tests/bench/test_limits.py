"""The line that says how near a size is to the machine's limit."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from gradc_runtime.cpu.tuning.roofline import Roofline

sys.path.append(str(Path(__file__).parent))  # modules of the benchmark, a program of its own
limits = importlib.import_module("limits")
MACHINE = Roofline(threads=2, operations=100e9, bandwidth={10**9: 10e9})


@pytest.mark.parametrize(
    ("gflop", "megabytes", "gradc", "torch", "expected"),
    [
        (10, 100, 0.110, 0.150, ["100.0", "operations", "91%", "1.36", "yes"]),
        (10, 100, 0.200, 0.300, ["100.0", "operations", "50%", "1.50", "no"]),
        (1, 1000, 0.200, 0.410, ["100.0", "bytes", "50%", "2.05", "yes"]),
    ],
)
def test_a_size_is_met_at_twice_pytorch_or_85_percent(
    gflop: float, megabytes: float, gradc: float, torch: float, expected: list[str]
) -> None:
    work = {"operations": 1e9 * gflop, "bytes": 1e6 * megabytes, "footprint": 1e6}
    line = limits.figures("S9", work, MACHINE, {"gradc": [gradc], "torch": [torch]})
    words = line.replace("(", " ").replace(")", " ").split()
    assert all(word in words for word in expected), line


def test_a_size_is_measured_with_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "measure", lambda threads, clock: MACHINE)
    row = limits.WORKLOADS["W2-b32"]
    first, kernel = limits.lines(row, 1, 1, limits.process_time, 2)
    assert first.startswith("W2-b32")
    assert kernel.endswith("the whole of step/train")
