"""Products with a transposed matrix whose rows are packed: as NumPy sums them, and to the bit as
products of few rows, which are read where they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.gemm.packed_dots import COLUMNS, NUMBERS, ROWS, SHORTEST
from tests.runtime.cpu.test_kernels import Axis, call, compare, geometry_of, packed, words

SIZES = [(36, 2050, 70), (128, 515, 1030), (293, 257, 2100)]  # columns, rows, terms
FEW = MACHINE.panel_rows  # as panels are made, but nothing is packed


def product(size: tuple[int, int, int], apart: int = 1) -> list[Axis]:
    """Axes [column, row, k1, k2, outer] of a product; its rows may lie further apart."""
    columns, rows, terms = size
    axes = [Axis(n) for n in (columns, rows, 1, terms, 2)]
    packed(axes, "a", [3, 1, 4])
    packed(axes, "b", [3, 0, 4])
    packed(axes, "y", [1, 0, 4])
    axes[1].a *= apart
    axes[4].a *= apart
    return axes


def worth(axes: list[Axis]) -> bool:
    """Whether a kernel packs the rows."""
    column, row, _, k2 = (axis.extent for axis in axes[:4])
    large = row >= ROWS and column >= COLUMNS and row * column >= NUMBERS
    return large and k2 >= SHORTEST and axes[0].y >= row


def in_parts(axes: list[Axis], mode: int, arrays: list[np.ndarray]) -> np.ndarray:
    """The result, a few rows at a time."""
    a, b, y = arrays[0], arrays[1], arrays[2].copy()
    for start in range(0, axes[1].extent, FEW):
        some = min(FEW, axes[1].extent - start)
        own = [axes[0], replace(axes[1], extent=some), *axes[2:]]
        numbers = geometry_of(own, mode, dots=True)
        numbers[-1] = axes[1].extent  # in all
        call("contract_dots", [a[start * axes[1].a :], b, y[start:]], numbers, 0, 0)
    return y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("apart", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_as_products_of_few_rows(size: tuple[int, int, int], apart: int, dtype: type) -> None:
    """The same bits, whether rows are multiplied together or a few at a time."""
    axes = product(size, apart)
    assert worth(axes) and FEW < ROWS
    rng = np.random.default_rng(3)
    for mode in (0, 1, 2 * 7 + 1):
        a, b, y = (rng.normal(size=words(axes, name)).astype(dtype) for name in "aby")
        whole = y.copy()
        call("contract_dots", [a, b, whole], geometry_of(axes, mode, dots=True), 0, 0)
        assert np.array_equal(whole, in_parts(axes, mode, [a, b, y]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_as_numpy(dtype: type) -> None:
    axes = product((61, 1100, 40))
    assert worth(axes)
    compare("contract_dots", axes, geometry_of(axes, 11, dots=True), 11, dtype)


def test_columns_that_overlap_keep_the_order_of_their_sums() -> None:
    """Windows that are added up: they are not packed, so column after column as few rows are."""
    axes = product((80, 1000, 600))
    axes[0].y, axes[4].y = 500, 80_000
    assert not worth(axes)
    rng = np.random.default_rng(4)
    a, b, y = (rng.normal(size=words(axes, name)).astype(np.float32) for name in "aby")
    whole, again = y.copy(), y.copy()
    call("contract_dots", [a, b, whole], geometry_of(axes, 1, dots=True), 0, 0)
    width = 2 * host().lanes(4)  # of a panel, in which columns take turns
    for outer in range(2):
        for k in range(0, 600, 300):  # two pieces
            for column in range(0, 80, width):
                own = product((min(width, 80 - column), 1000, 300))
                own[0].b, own[0].y, own[1].a, own[4] = axes[0].b, 500, axes[1].a, Axis(1)
                at = [outer * axes[4].a + k, outer * axes[4].b + k + column * axes[0].b]
                to = outer * axes[4].y + column * 500
                numbers = geometry_of(own, 1, dots=True)
                call("contract_dots", [a[at[0] :], b[at[1] :], again[to:]], numbers, 0, 0)
    assert np.array_equal(whole, again)
