"""Functions of float32 are right to two units of the last place, for every float32 there is."""

from __future__ import annotations

import pytest

from tests.runtime.cpu.exhaustive import TRUE, worst_of

SLICE = 4099  # a prime: a million numbers, with every exponent and both signs


def check(name: str, step: int) -> None:
    worst = worst_of(name, step)
    assert worst.missed == 0
    assert worst.units <= 2, f"{name}({worst.at!r}) is off by {worst.units:.2f} units"


@pytest.mark.parametrize("name", TRUE)
def test_a_slice_of_all_floats(name: str) -> None:
    check(name, SLICE)


@pytest.mark.wide
@pytest.mark.parametrize("name", TRUE)
def test_all_floats(name: str) -> None:
    check(name, 1)
