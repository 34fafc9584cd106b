"""When a step is shared out over threads: from times that are given, not taken."""

from __future__ import annotations

from runtime.cpu.sharing import AGAIN, TRIALS, Sharing


def used(sharing: Sharing, alone: float, together: float, calls: int) -> list[bool]:
    """Which way so many calls of many steps go, where steps take these times."""
    ways = []
    for _ in range(calls):
        _, shared = sharing.choose(1000, 0.4)
        sharing.learn(shared, together if shared else alone)
        ways.append(shared)
    return ways


def test_the_first_call_is_one_step_alone() -> None:
    assert Sharing().choose(1000, 0.4) == (1, False)


def test_the_faster_way_is_kept_and_the_other_tried_again() -> None:
    for alone, together in ((1e-3, 6e-4), (1e-3, 2e-3)):
        ways = used(Sharing(), alone, together, 10 * AGAIN)[2 * TRIALS + 1 :]
        slower = sum(shared == (alone < together) for shared in ways)
        assert 0 < slower <= 10 * TRIALS


def test_a_short_step_is_never_shared() -> None:
    assert not any(used(Sharing(), 1e-6, 1e-9, 20))


def test_a_short_call_wakes_nobody_but_is_shared_where_helpers_are_awake() -> None:
    sharing = Sharing()
    used(sharing, 4e-5, 2e-5, 2 * TRIALS)
    assert sharing.choose(1, 0.4, gap=1e-6) == (1, True)
    assert sharing.choose(1, 0.4, gap=1e-3) == (1, False)


def test_a_slow_spell_is_forgotten() -> None:
    sharing = Sharing()
    used(sharing, 1e-3, 5e-3, 2 * TRIALS)
    ways = used(sharing, 1e-3, 5e-4, 4 * AGAIN)
    assert sum(ways[-40:]) >= 38
