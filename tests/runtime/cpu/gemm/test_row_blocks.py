"""Dot products of few examples: pixels are the columns, and weights have their turn in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_runtime.cpu.gemm.row_blocks import BLOCK
from tests.runtime.cpu.test_kernels import Axis, compare, geometry_of


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", [0, 1, 10, 11])
@pytest.mark.parametrize("examples", [1, 3, 9])
@pytest.mark.parametrize("high", [1, 5])
def test_pixels_take_the_place_of_few_examples(
    dtype: type, mode: int, examples: int, high: int
) -> None:
    """A convolution of few images with more weights than a block of rows: examples in columns."""
    size, rows, terms = 4 * high * 96, 201, 3 * 160
    assert rows * terms > BLOCK
    axes = [
        Axis(examples + 2, 0, size, 4 * high * rows), Axis(rows, terms, 0, 1),
        Axis(3, 160, 64, 0), Axis(160, 1, 1, 0), Axis(high, 0, 4 * 96, 4 * rows),
        Axis(4, 0, 96, rows),
    ]  # fmt: skip
    numbers = geometry_of(axes, mode, dots=True)
    numbers[1] = -1
    compare("contract_dots", axes, numbers, mode, dtype, ranged=0, span=range(1, examples + 1))
