"""Rounding to bfloat16: every upper half of a float32, below, at and above the middle; to TF32 by
sums.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops.bfloat16 import EPS, EPS_OF_TF32, rounded, rounded_to_tf32
from gradc_compiler.ops.leaf import Input
from tests.support.graphs import run_compiled

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
LOW = np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF], np.uint32)


def every_upper_half() -> np.ndarray:
    upper = np.arange(2**16, dtype=np.uint32) << np.uint32(16)
    return (upper[:, None] | LOW).ravel().view(np.float32)


def chosen_by_distance(x: np.ndarray) -> np.ndarray:
    """Of the two bfloat16 around a number the nearer; the even one of two that are as near."""
    upper = x.view(np.uint32) >> np.uint32(16)
    low, high = ((n << np.uint32(16)).view(np.float32) for n in (upper, upper + np.uint32(1)))
    wide, below, above = (a.astype(np.float64) for a in (x, low, high))
    above = np.where(np.isinf(above), np.sign(above) * 2.0**128, above)
    to_low, to_high = np.abs(wide - below), np.abs(above - wide)
    up = (to_high < to_low) | ((to_high == to_low) & (upper & np.uint32(1) == 1))
    return np.where(np.isfinite(x) & up, high, np.where(np.isfinite(x), low, x))


def assert_rounded(found: np.ndarray, x: np.ndarray) -> None:
    nan = np.isnan(x)
    with np.errstate(all="ignore"):
        wanted = chosen_by_distance(x)
    assert np.isnan(found[nan]).all()
    np.testing.assert_array_equal(found[~nan].view(np.uint32), wanted[~nan].view(np.uint32))


def test_reference_rounds_to_the_nearest_and_ties_to_even() -> None:
    x = every_upper_half()
    assert_rounded(rounded(x), x)
    normal = x[np.isfinite(x) & (np.abs(x) >= 2.0**-126) & (np.abs(x) < 3.3e38)].astype(np.float64)
    assert np.max(np.abs(rounded(normal) - normal) / np.abs(normal)) <= EPS


def test_kernels_round_alike() -> None:
    """Numbers below the normal range are 0 there, as everywhere in native code."""
    builder, x = Builder(), every_upper_half()[:: 7 if SIMULATED else 1]
    y = builder.add(OPS["bfloat16"](), builder.add(Input("x")))
    graph = builder.graph({"y": y.id})
    with np.errstate(all="ignore"):
        found = run_compiled(graph, {"x": x}, len(x), dtype="float32")["y"]
    tiny = np.abs(x) < 2.0**-126
    assert_rounded(found[~tiny], x[~tiny])


def test_as_pytorch_rounds() -> None:
    torch = pytest.importorskip("torch")
    x = every_upper_half()
    theirs = torch.from_numpy(x).bfloat16().float().numpy()
    np.testing.assert_array_equal(rounded(x), theirs)  # NaN counts as equal to NaN


def by_sums(x: np.ndarray) -> np.ndarray:
    """Rounded to 11 digits in float64, which rounds ties to even, and no bits are looked at."""
    wide = x.astype(np.float64)
    return (wide + wide * 2.0**42 - wide * 2.0**42).astype(np.float32)


@pytest.mark.parametrize("kernels", [False, True])
def test_tf32(kernels: bool) -> None:
    upper = np.random.default_rng(0).integers(0, 1 << 19, 3000, np.uint32) << np.uint32(13)
    low = np.array([0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF], np.uint32)
    x = (upper[:, None] | low).ravel().view(np.float32)
    x = x[np.isfinite(x) & (np.abs(x) >= 2.0**-126)]
    found = rounded_to_tf32(x)
    if kernels:
        builder = Builder()
        y = builder.add(OPS["tfloat32"](), builder.add(Input("x")))
        graph = builder.graph({"y": y.id})
        found = run_compiled(graph, {"x": x}, len(x), dtype="float32")["y"]
    with np.errstate(over="ignore"):
        wanted = by_sums(x)
    np.testing.assert_array_equal(found, wanted)
    small = np.abs(x) < 3e38
    off = np.abs(wanted[small].astype(float) - x[small]) / np.abs(x[small].astype(float))
    assert EPS_OF_TF32 / 2 < off.max() <= EPS_OF_TF32
    special = rounded_to_tf32(np.array([np.nan, np.inf, -np.inf], np.float32))
    assert np.isnan(special[0]) and (special[1:] == [np.inf, -np.inf]).all()
