"""When a step is shared out over threads: from times that are given, not taken."""

from __future__ import annotations

import pytest

from runtime.cpu.sharing import AGAIN, MOST, TRIALS, Sharing


def used(sharing: Sharing, alone: float, together: float, calls: int) -> list[tuple[bool, int]]:
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
    assert Sharing().choose(1000, 0.4) == (1, False)


def test_a_step_that_surely_is_long_is_shared_at_once() -> None:
    assert used(Sharing(long=True), 0.1, 0.05, 2) == [(True, 1), (False, 1)]


@pytest.mark.parametrize(("alone", "together"), [(1e-3, 6e-4), (1e-3, 2e-3)])
def test_the_faster_way_is_kept_and_the_other_tried_again(alone: float, together: float) -> None:
    sharing = Sharing()
    faster, begin = alone > together, used(sharing, alone, together, 30)
    assert part_of(faster, begin) > 0.8
    later = used(sharing, alone, together, 200)
    assert 0.97 < part_of(faster, later) < 1
    assert sharing.patience == MOST


def test_a_short_step_is_never_shared() -> None:
    assert part_of(True, used(Sharing(), 1e-6, 1e-9, 20)) == 0


def test_a_short_call_wakes_nobody_but_is_shared_where_helpers_are_awake() -> None:
    sharing = Sharing()
    used(sharing, 4e-5, 2e-5, 2 * TRIALS)
    assert sharing.choose(1, 0.4, gap=1e-6) == (1, True)
    assert sharing.choose(1, 0.4, gap=1e-3) == (1, False)


def test_a_slow_spell_is_forgotten() -> None:
    sharing = Sharing()
    used(sharing, 1e-3, 5e-3, 2 * TRIALS)
    assert part_of(True, used(sharing, 1e-3, 5e-4, 40)) > 0.9


def test_after_a_moment_of_disturbance_the_old_way_is_soon_tried_again() -> None:
    sharing = Sharing()
    used(sharing, 1e-3, 5e-4, 2000)
    while sharing.left:  # a trial goes on
        used(sharing, 1e-3, 5e-4, 1)
    for _ in range(TRIALS):
        sharing.learn(True, 2e-3, 1)
    assert not sharing.shares and sharing.patience == AGAIN
