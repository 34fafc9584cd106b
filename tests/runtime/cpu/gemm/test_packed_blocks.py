"""Products whose operands are packed: as NumPy sums them, and to the bit as products of few rows,
whose operands are read where they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradc_runtime.cpu.gemm.packed_blocks import COLUMNS, NUMBERS, ROWS, TERMS
from tests.runtime.cpu.test_kernels import Axis, call, compare, geometry_of, packed, words

FORMS = {  # which of row, k1 and k2 follow one another in a, innermost first
    "rows of terms": (1, [3, 1, 2]),
    "lines of rows": (1, [1, 3, 2]),
    "terms of a single k2": (1, [2, 1, 3]),
    "every third row": (3, [3, 1, 2]),
}
SIZES = [(129, 513, 1, 37), (64, 1025, 3, 100), (300, 257, 1, 700), (517, 131, 9, 29)]


def product(form: str, size: tuple[int, int, int, int]) -> list[Axis]:
    """Axes [column, row, k1, k2, outer] of a product; its rows may lie some rows apart."""
    rows, columns, k1, k2 = size
    apart, order = FORMS[form]
    if form == "terms of a single k2":
        k1, k2 = k1 * k2, 1
    axes = [Axis(n) for n in (columns, rows, k1, k2, 2)]
    packed(axes, "a", [*order, 4])
    packed(axes, "b", [0, 3, 2])
    packed(axes, "y", [0, 1, 4])
    axes[1].a *= apart
    axes[4].a = 0
    return axes


def worth(axes: list[Axis]) -> bool:
    """Whether a kernel packs the operands."""
    column, row, k1, k2 = (axis.extent for axis in axes[:4])
    return row >= ROWS and column >= COLUMNS and row * column >= NUMBERS and k1 * k2 >= TERMS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", FORMS)
def test_as_products_of_few_rows(form: str, size: tuple[int, int, int, int], dtype: type) -> None:
    """The same bits, whether rows are multiplied together or a few at a time."""
    axes, few = product(form, size), 40
    assert worth(axes) and few < ROWS
    rng = np.random.default_rng(3)
    for mode in (0, 1, 2 * 7 + 1):
        a, b, y = (rng.normal(size=words(axes, name)).astype(dtype) for name in "aby")
        whole, parts = y.copy(), y.copy()
        call("contract_rows", [a, b, whole], geometry_of(axes, mode, dots=False), 0, 0)
        for start in range(0, axes[1].extent, few):
            own = [axes[0], replace(axes[1], extent=min(few, axes[1].extent - start)), *axes[2:]]
            left, sums = a[start * axes[1].a :], parts[start * axes[1].y :]
            call("contract_rows", [left, b, sums], geometry_of(own, mode, dots=False), 0, 0)
        assert np.array_equal(whole, parts)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", FORMS)
def test_as_numpy(form: str, dtype: type) -> None:
    axes = product(form, (64, 1030, 2, 17))
    axes[4].extent = 1
    assert worth(axes)
    compare("contract_rows", axes, geometry_of(axes, 11, dots=False), 11, dtype)


def test_rows_that_overlap_keep_the_order_of_their_sums() -> None:
    """Windows that are added up: a strip of columns after the other, as where nothing is packed."""
    axes = [Axis(384, 0, 1, 1), Axis(224, 250, 0, 128), Axis(1), Axis(250, 1, 384, 0)]
    assert worth(axes)
    rng = np.random.default_rng(4)
    a, b, y = (rng.normal(size=words(axes, name)).astype(np.float32) for name in "aby")
    whole, parts = y.copy(), y.copy()
    call("contract_rows", [a, b, whole], geometry_of(axes, 1, dots=False), 0, 0)
    for column in range(0, 384, 32):
        own = [replace(axes[0], extent=32), *axes[1:]]
        call("contract_rows", [a, b[column:], parts[column:]], geometry_of(own, 1, False), 0, 0)
    assert np.array_equal(whole, parts)
