"""When a step is shared out over threads: from times that are given, not taken."""

from __future__ import annotations

from runtime.cpu.sharing import TRIALS, Sharing


def after(alone: float, together: float, calls: int = 2 * TRIALS + 1) -> Sharing:
    """What is known after some calls of many steps that took these times."""
    sharing = Sharing()
    for _ in range(calls):
        _, shared = sharing.choose(1000, 0.4)
        sharing.learn(shared, together if shared else alone)
    return sharing


def test_the_first_call_is_one_step_alone() -> None:
    assert Sharing().choose(1000, 0.4) == (1, False)


def test_the_faster_way_is_kept() -> None:
    assert after(1e-3, 6e-4).choose(1000, 0.4) == (666, True)
    assert after(1e-3, 2e-3).choose(1000, 0.4) == (400, False)


def test_a_short_step_is_never_shared() -> None:
    assert after(1e-6, 1e-9).tried[True] == 0


def test_a_slow_first_call_is_forgotten() -> None:
    sharing = Sharing()
    for seconds in (5e-3, 9e-6, 9e-6):
        _, shared = sharing.choose(1000, 0.4)
        sharing.learn(shared, seconds if not shared else 4e-3)
    for _ in range(2 * TRIALS):
        _, shared = sharing.choose(1000, 0.4)
        sharing.learn(shared, 4e-3 if shared else 9e-6)
    assert sharing.choose(1000, 0.4)[1] is False
