"""What a barrier takes is measured; on a single core it is what the machine is taken to need."""

from __future__ import annotations

import os

import pytest

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.tuning import barrier_time
from gradc_runtime.cpu.tuning.barrier_time import arrival_seconds


def test_threads_meet_within_microseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier_time, "BUDGET", 0.05)
    assert 1e-9 < arrival_seconds(2, 4) < 1e-3


def test_a_single_core_has_nobody_to_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    assert arrival_seconds(2, 4) == MACHINE.arrival_s
