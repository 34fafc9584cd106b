"""Specs whose meaning is easily lost mean the same on the CPU as on the reference."""

from __future__ import annotations

import pytest

from tests.meanings import SPECS, assert_as_the_reference


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", SPECS)
def test_on_the_cpu(name: str, threads: int) -> None:
    for examples in (1, 5):
        assert_as_the_reference(name, "cpu", examples, threads)
