"""Sums inside functions of the prelude keep their bound at ten million terms."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from tests.support.long_sums import N, bound, exact, numbers

TEXT = f"""
model f(x : [{N}]) -> (length : scalar, smooth : scalar, penalty : scalar, slope : scalar) {{
    (norm(x), logsumexp(x), sum(x^2), sum(grad(logsumexp(x), x)))
}}
"""


@pytest.mark.wide
@pytest.mark.parametrize("threads", [1, 2])
def test_functions_of_the_prelude_keep_the_bound(threads: int) -> None:
    session = Session(compile_source(TEXT), dtype="float32", threads=threads)
    found = session.run("f", x=numbers().reshape(1, N))
    x = exact(numbers())
    squares, total = x @ x, np.exp(x).sum()
    assert found["penalty"][0] == pytest.approx(squares, rel=bound(N))
    assert found["length"][0] == pytest.approx(np.sqrt(squares), rel=bound(N))
    assert found["smooth"][0] == pytest.approx(np.log(total), abs=2 * bound(N))
    assert found["slope"][0] == pytest.approx(1, rel=3 * bound(N))
