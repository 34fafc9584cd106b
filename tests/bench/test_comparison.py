"""The comparison's figures are those that were measured, the ones that gradc loses too."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))  # modules of the benchmark, which is run as a program of its own
comparison = importlib.import_module("comparison")
WORKLOADS = importlib.import_module("workloads").WORKLOADS
RESULTS = (HERE / "RESULTS.md").read_text(encoding="utf-8")


def test_the_page_has_the_figures_that_were_measured() -> None:
    page = comparison.PAGE.read_text(encoding="utf-8")
    assert comparison.written(page, RESULTS) == page, "run: python tests/bench/comparison.py"


@pytest.mark.parametrize("head", ["All settings, a training step", "All settings, inference"])
def test_every_row_that_was_measured_is_told(head: str) -> None:
    rows = comparison.times(RESULTS, head)
    assert rows and set(rows) == set(comparison.section(RESULTS, head))
    shown = "\n".join(comparison.speed(rows))
    assert shown.count("\n| ") == len(rows), "a head, a rule, and a line a row"
    slower = [name for name, row in rows.items() if comparison.ratio(row) < 1]
    assert shown.count("**") == 2 * len(slower)
    assert f"in {len(slower)} of {len(rows)} rows" in shown or not slower
    for name in slower:
        assert "{} (batch {})".format(*comparison.described(name)) in shown


def test_a_peer_has_a_column_as_soon_as_it_was_measured() -> None:
    """`run.py --slow --peers keras` is all that the column of Keras needs."""
    rows = {"W4-b32": {"gradc": 2e-4, "Keras": 5e-3}, "W5-b32": {"gradc": 1e-4, "JAX": 7e-4}}
    head, _, dense, convolutions, *_ = comparison.speed(rows)
    assert head.split(" | ")[3:-1] == ["JAX", "Keras"]
    assert dense.endswith("| - | 5.00\u00a0ms | 25.00 |") and "| - | 7.00 |" in convolutions


def test_every_workload_is_described() -> None:
    assert {comparison.described(name)[0] for name in WORKLOADS} == {*comparison.NETWORKS.values()}


def test_a_time_is_read_as_it_is_written() -> None:
    report = importlib.import_module("report")
    for time in (5.4e-9, 1.11e-7, 4.91e-5, 2.74e-3, 0.29, 1.5, None):
        assert comparison.seconds(report.short(time)) == (time and pytest.approx(time, rel=5e-3))
