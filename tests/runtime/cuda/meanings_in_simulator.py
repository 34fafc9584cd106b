"""Specs whose meaning is easily lost mean the same in the CUDA simulator as on the reference.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

import pytest

from tests.support.meanings import SPECS, assert_as_the_reference


@pytest.mark.parametrize("name", SPECS)
def test_on_cuda(name: str) -> None:
    assert_as_the_reference(name, "cuda", 3)
