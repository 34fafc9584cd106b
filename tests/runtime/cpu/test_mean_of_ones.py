"""A mean that a product takes with it is a quotient: of equal numbers it is their number."""

from __future__ import annotations

import numpy as np
import pytest

import gradc

SPEC = """
model f(x : [{0}], y : [{1}]) -> scalar {{
    param W : [{0}, {1}] = 0.0
    contract(: x[i] * W[i, j] * y[j])
}}
data d(x : [{0}], y : [{1}]) = arrays()
train on d {{
    minimize f(x, y)
    using sgd(lr = 0.1), batch 41
}}
"""


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize("shape", [(300, 400), (130, 33), (5, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_means_of_ones_are_one(target: str, shape: tuple[int, int], dtype: str) -> None:
    program = gradc.compile_source(SPEC.format(*shape))
    session = gradc.Session(program, target=target, dtype=dtype)
    for count in (41, 49, 64, 82, 83):  # for 41 and others count * (1 / count) is not 1
        x, y = (np.ones((count, n), dtype) for n in shape)
        _, gradients = session.gradients(x=x, y=y)
        assert np.all(gradients["f.W"] == 1.0)
