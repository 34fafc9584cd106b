"""A result without numbers, such as a state of no elements, is not asked to be written."""

from __future__ import annotations

import numpy as np
import pytest

import gradc

TEXT = """
model f(x : [2]) -> (y : [2], none : [3, 0]) {
    param p : [3, 2] = 1
    (2 * x, p[:, 2:2])
}
"""


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_a_result_of_no_numbers(target: str) -> None:
    found = gradc.Session(gradc.compile_source(TEXT), target).run("f", x=np.ones((1, 2)))
    assert found["y"].tolist() == [[2, 2]] and found["none"].shape == (1, 3, 0)
