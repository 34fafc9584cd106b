"""Loss curves in bf16 lie within the spread of seeds of those in float32."""

from __future__ import annotations

import pytest

from tests.bench.precision import CURVES, compare


@pytest.mark.wide
@pytest.mark.parametrize("name", CURVES)
def test_bf16_learns_as_float32_does(name: str) -> None:
    pytest.importorskip("sklearn")
    assert compare(name, CURVES[name])
