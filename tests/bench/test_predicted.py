"""Predicted steps: a recurrence takes as long as its sequences are."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # modules of the benchmark, a program of its own
predicted = importlib.import_module("predicted")


def test_a_recurrence_is_counted_for_every_step() -> None:
    row = predicted.WORKLOADS["W7-b32"]
    sheet = predicted.GPUS["H100"]
    operations = []
    for length in (1, row.image[0]):
        _, step = predicted.predicted(row.file(), row.batch, length, sheet)
        operations.append(sum(node.operations for node in step.nodes))
    assert row.image[0] == 50 and operations[1] > 30 * operations[0]


def test_a_workload_of_rows_without_a_shape_has_a_line() -> None:
    """Of numbers that are no image: there is no length to ask for."""
    workload = next(w for w in predicted.WORKLOADS.values() if not w.image)
    line = predicted.row(workload, predicted.GPUS["H100"])
    assert line.startswith(f"| {workload.name} |") and line.count("|") == 7
