"""A call that waits for its core is not taken for what the call takes."""

from __future__ import annotations

from time import perf_counter, sleep

from gradc_runtime.cpu.tuning.undisturbed import NEVER, Timing, timed


def spin() -> None:
    until = perf_counter() + 1e-3
    while perf_counter() < until:
        pass


def test_a_call_that_waits_is_disturbed() -> None:
    found = timed(lambda: sleep(0.01), 1)
    assert found.disturbed and found.cores < 0.5 and found.seconds >= 0.01


def test_one_that_works_on_one_core_is_disturbed_only_on_two() -> None:
    alone = min(timed(spin, 1) for _ in range(1000))
    assert not alone.disturbed and alone.cores > 0.9
    assert timed(spin, 2).disturbed


def test_the_best_is_the_shortest_of_those_that_nobody_disturbed() -> None:
    quiet, longer = Timing(False, 2.0, 1.0), Timing(False, 3.0, 1.0)
    assert min(NEVER, longer, quiet, Timing(True, 1.0, 0.5)) == quiet
