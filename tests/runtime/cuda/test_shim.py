"""Sine and cosine in float32, as kernels compute them."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_runtime.cuda.cuda_trig import circular


def bits(x: np.float32) -> int:
    return int(x.view(np.int32))


def fma(x: Any, y: Any, z: Any) -> np.float32:
    return np.float32(float(x) * float(y) + float(z))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("largest", [1e-3, 1.0, 100.0, 3e4, 1e6, 1e12, 1e38])
def test_sine_and_cosine(largest: float) -> None:
    sin, cos = circular(lambda function: function, bits, fma)
    rng = np.random.default_rng(0)
    for x in rng.uniform(-largest, largest, 300).astype(np.float32):
        assert abs(float(sin(x)) - math.sin(x)) < 2.5e-7 * max(1e-2, abs(math.sin(x)))
        assert abs(float(cos(x)) - math.cos(x)) < 2.5e-7 * max(1e-2, abs(math.cos(x)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_sine_and_cosine_at_the_edges() -> None:
    sin, cos = circular(lambda function: function, bits, fma)
    for x in (np.float32(np.inf), np.float32(-np.inf), np.float32(np.nan)):
        assert np.isnan(sin(x)) and np.isnan(cos(x))
    assert sin(np.float32(0.0)) == 0.0 and cos(np.float32(0.0)) == 1.0
    top = np.float32(3.4e38)
    assert abs(float(sin(top)) - math.sin(top)) < 1e-6


def test_numba_cuda_is_used_in_few_files() -> None:
    """What compiles text, and what Numba has no word for: the rest must not know it."""
    root = Path(__file__).parents[3] / "runtime"
    users = {
        path.name
        for path in root.rglob("*.py")
        if re.search(r"(?:from|import|import_module\(\") ?numba\.(?:cuda|types)", path.read_text())
    }
    assert users == {"shim.py", "numba_intrinsics.py"}
