"""Products of few rows within outer loops: to the bit as each of their iterations alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from gradc_runtime.cpu.gemm.column_blocks import WORTH
from tests.runtime.cpu.test_kernels import Axis, call, compare, geometry_of, words

SIZES = [  # rows, columns, k1, k2, outer loops
    (8, 256, 3, 70, (9, 2)), (5, 300, 1, 900, (20,)), (31, 131, 7, 48, (3,)),
    (3, 129, 30, 100, (40,)), (1, 128, 2, 1600, (70,)),
]  # fmt: skip


def axes_of(size: tuple[int, int, int, int, tuple[int, ...]]) -> list[Axis]:
    """A convolution's loops: pixels move a, and no weights."""
    rows, columns, k1, k2, outer = size
    line = (rows + 2) * k2
    axes = [
        Axis(columns, 0, 1, 1), Axis(rows, k2, 0, columns), Axis(k1, line, k2 * columns, 0),
        Axis(k2, 1, columns, 0),
    ]  # fmt: skip
    at = rows * columns
    for extent in outer:
        axes.append(Axis(extent, line, 0, at))
        at *= extent
    return axes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_as_each_iteration_alone(size: Any, dtype: type) -> None:
    axes = axes_of(size)
    outer = axes[4:]
    assert size[0] * np.prod([axis.extent for axis in outer]) >= WORTH
    rng = np.random.default_rng(5)
    for mode in (0, 1, 2 * 6 + 1):
        a, b, y = (rng.normal(size=words(axes, name)).astype(dtype) for name in "aby")
        whole, parts = y.copy(), y.copy()
        call("contract_rows", [a, b, whole], geometry_of(axes, mode, dots=False), 0, 0)
        for at in product(*(range(axis.extent) for axis in outer)):
            i, h = (
                sum(k * getattr(axis, name) for k, axis in zip(at, outer, strict=True))
                for name in "ay"
            )
            call(
                "contract_rows",
                [a[i:], b, parts[h:]],
                geometry_of(axes[:4], mode, dots=False),
                0,
                0,
            )
        assert np.array_equal(whole, parts)


@pytest.mark.parametrize("mode", [0, 1, 10])
def test_as_numpy(mode: int) -> None:
    axes = axes_of((6, 140, 3, 31, (12,)))
    compare("contract_rows", axes, geometry_of(axes, mode, dots=False), mode, np.float64)


@pytest.mark.parametrize("examples", [1, 3, 9])
def test_examples_are_a_loop_or_rows(examples: int) -> None:
    """Few examples change places with a loop over pixels."""
    axes = axes_of((examples, 160, 2, 40, (20,)))
    axes[1].a, axes[1].y = 9000, 20 * 160
    axes[4].y = 160
    numbers = geometry_of(axes, 0, dots=False)
    numbers[2] = -1
    span = range(examples)
    compare("contract_rows", axes, numbers, 0, np.float64, ranged=1, span=span)


@pytest.mark.parametrize("apart", [0, 32])
def test_sums_over_outer_loops_keep_their_order(apart: int) -> None:
    """Rows together have the bits of each row alone, where iterations add to the same numbers."""
    axes = axes_of((8, 160, 7, 400, (40,)))
    axes[4].y, axes[1].y = apart, 160 + 39 * apart
    rng = np.random.default_rng(5)
    a, b, y = (rng.normal(size=words(axes, name)).astype(np.float32) for name in "aby")
    whole, parts = y.copy(), y.copy()
    call("contract_rows", [a, b, whole], geometry_of(axes, 1, dots=False), 0, 0)
    for row in range(8):
        own = [axes[0], replace(axes[1], extent=1), *axes[2:]]
        left, sums = a[row * axes[1].a :], parts[row * axes[1].y :]
        call("contract_rows", [left, b, sums], geometry_of(own, 1, dots=False), 0, 0)
    assert np.array_equal(whole, parts)
