"""When a step is shared out over threads: from times that are given, not taken."""

from __future__ import annotations

import pytest

from gradc_runtime.cpu.threads.adaptive import AGAIN, MOST, TRIALS, ParallelChoice


def used(
    sharing: ParallelChoice, alone: float, together: float, calls: int
) -> list[tuple[bool, int]]:
    """Which way so many calls go, and the steps of each, where steps take these times."""
    ways = []
    for _ in range(calls):
        steps, shared = sharing.choose(1000, 0.4)
        sharing.learn(shared, together if shared else alone, steps)
        ways.append((shared, steps))
    return ways


def part_of(way: bool, ways: list[tuple[bool, int]]) -> float:
    """The part of all steps that went one way."""
    return sum(n for shared, n in ways if shared == way) / sum(n for _, n in ways)


def test_the_first_call_is_one_step_alone() -> None:
    assert ParallelChoice().choose(1000, 0.4) == (1, False)


def test_a_step_that_surely_is_long_is_shared_at_once() -> None:
    assert used(ParallelChoice(long=True), 0.1, 0.05, 2) == [(True, 1), (True, 1)]


@pytest.mark.parametrize(("alone", "together"), [(1e-3, 6e-4), (1e-3, 2e-3)])
def test_the_faster_way_is_kept_and_the_other_tried_again(alone: float, together: float) -> None:
    sharing = ParallelChoice()
    faster, begin = alone > together, used(sharing, alone, together, 30)
    assert part_of(faster, begin) > 0.8
    later = used(sharing, alone, together, 200)
    assert 0.97 < part_of(faster, later) < 1
    assert sharing.patience == MOST


def test_a_short_step_is_never_shared() -> None:
    assert part_of(True, used(ParallelChoice(), 1e-6, 1e-9, 20)) == 0


def test_a_short_call_wakes_nobody_but_is_shared_where_helpers_are_awake() -> None:
    sharing = ParallelChoice()
    used(sharing, 4e-5, 2e-5, 2 * TRIALS)
    assert sharing.choose(1, 0.4, gap=1e-6) == (1, True)
    assert sharing.choose(1, 0.4, gap=1e-3) == (1, False)


def test_a_slow_spell_is_forgotten() -> None:
    sharing = ParallelChoice()
    used(sharing, 1e-3, 5e-3, 2 * TRIALS)
    assert part_of(True, used(sharing, 1e-3, 5e-4, 40)) > 0.9


def test_after_a_moment_of_disturbance_the_old_way_is_soon_tried_again() -> None:
    sharing = ParallelChoice()
    used(sharing, 1e-3, 5e-4, 2000)
    while sharing.left:  # a trial goes on
        used(sharing, 1e-3, 5e-4, 1)
    for _ in range(TRIALS):
        sharing.learn(True, 2e-3, 1)
    assert not sharing.shares and sharing.patience == AGAIN


@pytest.mark.parametrize("seconds", [2e-5, 1e-3, 1e-2, 0.3, 3.0, 40.0])
@pytest.mark.parametrize("faster", [True, False])
@pytest.mark.parametrize("long", [True, False])
def test_trials_take_at_most_a_fiftieth_however_long_a_step(
    seconds: float, faster: bool, long: bool
) -> None:
    """Seconds of the slower way, and the first step, of which nothing was known."""
    alone, together = (2 * seconds, seconds) if faster else (seconds, 2 * seconds)
    sharing = ParallelChoice(long=long)
    ways = used(sharing, alone, together, 500)
    taken = [(together if shared else alone) * n for shared, n in ways]
    slower = sum(t for t, (shared, _) in zip(taken, ways, strict=True) if shared != faster)
    alone_first = [shared for shared, _ in ways].index(False)
    first = sum(taken[:2] if faster or not long else taken[:alone_first])
    assert slower <= 0.02 * sum(taken) + 0.02 + first
    assert sharing.spent == pytest.approx(slower, abs=first + max(taken))
    assert sharing.worked == pytest.approx(sum(taken))


def test_that_a_long_step_is_faster_alone_is_found_after_a_hundred() -> None:
    ways = used(ParallelChoice(long=True), 0.3, 0.6, 500)
    assert 90 <= [shared for shared, _ in ways].index(False) <= 110
    assert part_of(False, ways[110:]) > 0.97


def test_a_long_step_is_not_tried_alone_before_that_is_worth_it() -> None:
    ways = used(ParallelChoice(long=True), 0.5, 0.277, 500)
    assert [shared for shared, _ in ways[:49]] == [True] * 49
    assert sum(not shared for shared, _ in ways) in (5, 6)
