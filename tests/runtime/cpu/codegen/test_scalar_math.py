"""The scalar functions agree with NumPy in float64, at ordinary and at extreme arguments."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_compiler.ops.random import draw
from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.codegen import build_kernel
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.objects.compile_kernels import addresses

EXTREMES = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-42, -1e-42, 1e-30, 3e38, -3e38]
NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)
ONE = """
def k0(pointers, geometry, begin, end, first):
    x0 = reals(pointers, 0)
    x1 = reals(pointers, 1)
    y0 = reals(pointers, 2)
    for i0 in range(begin, end):
        v0 = x0[i0]
        v1 = x1[i0]
        y0[i0] = {}
"""
DRAW = """
def k0(pointers, geometry, begin, end, first):
    y0 = reals(pointers, 0)
    for i0 in range(begin, end):
        for i1 in range(geometry[0]):
            y0[i0 * geometry[0] + i1] = {}(7, 3, first + i0, 5, i1, 2)
"""


def call(source: str, arrays: list[NDArray[Any]], geometry: list[int], *numbers: int) -> None:
    (address,) = addresses([Kernel("k0", source)], arrays[0].dtype.itemsize)
    pointers = np.array([array.ctypes.data for array in arrays])
    shape = np.array([*geometry, 0])
    NATIVE(address)(pointers.ctypes.data, shape.ctypes.data, *numbers)


def evaluate(text: str, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    result = np.empty_like(x)
    call(ONE.format(text), [x, y, result], [], 0, len(x), 0)
    return result


def ulps(got: NDArray[Any], true: NDArray[Any]) -> float:
    """The largest error in units of the last place; infinite where NaN or infinity is missed."""
    expected = true.astype(got.dtype)
    special = ~np.isfinite(expected)
    if not np.array_equal(got[special], expected[special], equal_nan=True):
        return math.inf
    error = np.abs(got[~special].astype(np.longdouble) - true[~special])
    return float(np.max(error / np.spacing(np.abs(expected[~special])), initial=0.0))


def arguments(low: float, high: float, dtype: type) -> NDArray[Any]:
    rng = np.random.default_rng(0)
    small = rng.normal(size=20000) * np.exp(rng.uniform(-20, 0, size=20000))
    return np.concatenate([rng.uniform(low, high, 50000), small, EXTREMES]).astype(dtype)


erf = np.vectorize(math.erf, otypes=[float])
FUNCTIONS: dict[str, tuple[Any, float, float]] = {
    "exp": (np.exp, -104, 90),
    "log": (np.log, -1, 1e4),
    "log1p": (np.log1p, -1, 1e4),
    "expm1": (np.expm1, -30, 90),
    "tanh": (np.tanh, -12, 12),
    "sigmoid": (lambda x: np.where(x < 0, np.exp(x), 1) / (1 + np.exp(-np.abs(x))), -88, 100),
    "erf": (erf, -5, 5),
    "sin": (np.sin, -1e4, 1e4),
    "cos": (np.cos, -1e4, 1e4),
    "sqrt": (np.sqrt, -1, 1e6),
    "floor": (np.floor, -1e3, 1e3),
    "abs_": (np.abs, -1e3, 1e3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_function_is_accurate(name: str, dtype: type) -> None:
    true, low, high = FUNCTIONS[name]
    x = arguments(low, high, dtype)
    if name in ("sin", "cos"):
        x = x[(np.abs(x) < 1e5) | ~np.isfinite(x)]
    expected = true(x.astype(np.float64))
    assert ulps(evaluate(f"{name}(v0)", x, x), expected) <= (2 if dtype is np.float32 else 4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_power_is_accurate(dtype: type) -> None:
    rng = np.random.default_rng(0)
    pairs = np.array([(a, b) for a in EXTREMES for b in [*EXTREMES, 2, 3, -2, 0.5, -0.5, 1e9]])
    base = np.concatenate([rng.uniform(0, 50, 20000), rng.uniform(-9, 9, 20000), pairs[:, 0]])
    exponent = np.concatenate(
        [rng.uniform(-30, 30, 20000), rng.integers(-9, 9, 20000), pairs[:, 1]]
    )
    x: NDArray[Any] = base.astype(dtype)
    y: NDArray[Any] = exponent.astype(dtype)
    expected = np.power(x.astype(np.float64), y.astype(np.float64))
    assert ulps(evaluate("pow_(v0, v1)", x, y), expected) <= 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_comparisons_pass_nan_on(dtype: type) -> None:
    x: NDArray[Any]
    y: NDArray[Any]
    x, y = (grid.ravel().astype(dtype) for grid in np.meshgrid(EXTREMES, EXTREMES))
    for name, true in [("maximum", np.maximum), ("min", np.minimum)]:
        np.testing.assert_array_equal(evaluate(f"{name}(v0, v1)", x, y), true(x, y))
    np.testing.assert_array_equal(evaluate("step(v0 > v1)", x, y), (x > y).astype(dtype))
    chosen = evaluate("select(v0 == v1, v0, real(2.0))", x, y)
    np.testing.assert_array_equal(chosen, np.where(x == y, x, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("normal", [False, True])
def test_draws_are_those_of_the_reference(dtype: type, normal: bool) -> None:
    result: NDArray[Any] = np.empty((9, 40), dtype)
    call(DRAW.format("philox_normal" if normal else "philox_uniform"), [result], [40], 0, 9, 11)
    expected = draw(normal, 7, 3, 5, np.arange(11, 20), 40, np.array([2]))
    tolerance = 3e-6 if dtype is np.float32 else 1e-13
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance)


FIVE = """
def k0(pointers, geometry, begin, end, first):
    x0 = reals(pointers, 0)
    x1 = reals(pointers, 1)
    x2 = reals(pointers, 2)
    x3 = reals(pointers, 3)
    y0 = reals(pointers, 4)
    for i0 in range(begin, end):
        for i1 in range(geometry[0]):
            v1 = x0[i0 * geometry[1] + i1] * x1[i1] + x2[i0 * geometry[2] + i1]
            y0[i0 * geometry[3] + i1] = {}(v1) * x3[i1]
"""


@pytest.mark.parametrize("name", ["exp", "tanh", "log", "erf", "sin", "sigmoid", "log1p"])
def test_a_loop_over_many_arrays_becomes_vector_code(name: str) -> None:
    text = build_kernel.assembly("k0", FIVE.format(name), 4)
    width = host().vector_bytes
    register = {64: "%zmm", 32: "%ymm", 16: "%xmm"}[width]
    operations = [line for line in text.splitlines() if "mulps" in line or "fmadd" in line]
    assert any(register in line or "%ymm" in line for line in operations)
    assert not [line for line in text.splitlines() if "call" in line and name in line]
