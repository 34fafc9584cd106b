"""Each library kernel agrees with a plain NumPy sum, on many random geometries."""

from __future__ import annotations

import ctypes
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_compiler.ops.bfloat16 import rounded
from gradc_compiler.program.entry import Kernel
from gradc_compiler.program.kernel_abi import PRODUCTS, ROUNDED, product_of
from gradc_runtime.cpu.objects.compile_kernels import addresses

NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)
SIZES = [1, 2, 3, 5, 7, 8, 9, 16, 17, 37]


def call(name: str, arrays: list[NDArray[Any]], geometry: list[int], begin: int, end: int) -> None:
    (address,) = addresses([Kernel(name)], arrays[0].dtype.itemsize)
    pointers = np.array([array.ctypes.data for array in arrays])
    numbers = np.array(geometry)
    NATIVE(address)(pointers.ctypes.data, numbers.ctypes.data, begin, end, 0)


@dataclass
class Axis:
    """One loop of a contraction: its extent, and the strides of a, b and y along it."""

    extent: int
    a: int = 0
    b: int = 0
    y: int = 0


def words(axes: list[Axis], operand: str) -> int:
    reach: int = sum((axis.extent - 1) * getattr(axis, operand) for axis in axes)
    return 1 + reach


def expected(
    arrays: list[NDArray[Any]], axes: list[Axis], mode: int, ranged: int | None, span: range
) -> NDArray[Any]:
    """The sum in float64, one term after another."""
    a, b, y = (array.astype(np.float64) for array in arrays)
    limits = [span if k == ranged else range(axis.extent) for k, axis in enumerate(axes)]
    grids = np.meshgrid(*limits, indexing="ij")
    at = {
        name: sum(g * getattr(x, name) for g, x in zip(grids, axes, strict=True)) for name in "aby"
    }
    if mode % 2 == 0:
        y[at["y"].ravel()] = 0
    np.add.at(y, at["y"].ravel(), (a[at["a"]] * b[at["b"]]).ravel() / max(1, mode // 2))
    return y


def packed(axes: list[Axis], operand: str, order: list[int]) -> None:
    """Give the axes in `order`, innermost first, strides that do not overlap."""
    step = 1
    for k in order:
        setattr(axes[k], operand, step)
        step *= axes[k].extent


def contraction(rng: np.random.Generator, name: str) -> list[Axis]:
    """Axes [column, row, k1, k2, outer, outer] with the strides that a kernel wants."""
    sizes = [int(rng.choice(SIZES)) for _ in range(4)] + [int(rng.integers(1, 4)) for _ in range(2)]
    if rng.random() < 0.2:
        sizes[3] = 113 * int(rng.integers(1, 8))
        sizes[1] = min(sizes[1], 9)
    axes = [Axis(size) for size in sizes]
    column, row, k1, k2, one, two = range(6)
    orders = {
        "contract_rows": ([k2, row, k1, one], [column, k2, k1, two], [column, row, one, two]),
        "contract_lanes": ([column, k2, row, k1], [column, k1, k2, two], [column, two, row, one]),
        "contract_dots": ([k2, k1, row, one], [k2, column, k1, two], [row, column, one, two]),
    }[name]
    for operand, order in zip("aby", orders, strict=True):
        packed(axes, operand, order)
    return axes


def geometry_of(axes: list[Axis], mode: int, dots: bool) -> list[int]:
    column, row, k1, k2, *outer = axes
    numbers = [mode, column.extent, row.extent, row.a, row.y]
    for k in (k1, k2):
        numbers += [k.extent, k.a, k.b]
    numbers.append(len(outer))
    for axis in outer:
        numbers += [axis.extent, axis.a, axis.b, axis.y]
    return numbers + ([column.b, column.y, row.extent] if dots else [])


def compare(
    name: str, axes: list[Axis], numbers: list[int], mode: int, dtype: type, **cut: Any
) -> None:
    rng = np.random.default_rng(7)
    arrays: list[NDArray[Any]] = [
        rng.normal(size=words(axes, operand)).astype(dtype) for operand in "aby"
    ]
    span, read = cut.get("span", range(0)), arrays
    if name.endswith("_bf16"):
        read = [*map(rounded, arrays[:2]), arrays[2]]
    true = expected(read, axes, mode, cut.get("ranged"), span)
    call(name, arrays, numbers, span.start, span.stop)
    tolerance = 1e-5 if dtype is np.float32 else 1e-13
    np.testing.assert_allclose(arrays[2], true, rtol=0, atol=tolerance * np.abs(true).max())


EXTENT_AT = [1, 2, 5, 8, 12, 16]  # of each axis in the geometry


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *itertools.product(PRODUCTS, [np.float32, np.float64]),
        *itertools.product([name + ROUNDED for name in PRODUCTS], [np.float32, np.float64]),
    ],
)
def test_tiled_contraction(name: str, dtype: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes = contraction(rng, product_of(name))
    mode = int(rng.choice([0, 1, 2 * 7, 2 * 7 + 1]))
    numbers = geometry_of(axes, mode, product_of(name) == "contract_dots")
    if mode % 2 == 0:  # an axis that y does not follow is a sum, which must then add
        for k, axis in enumerate(axes[4:], 4):
            if axis.y == 0:
                axis.extent = numbers[EXTENT_AT[k]] = 1
    if seed % 2:
        compare(name, axes, numbers, mode, dtype)
        return
    ranged = int(rng.integers(6))
    extent = axes[ranged].extent
    begin = int(rng.integers(extent))
    numbers[EXTENT_AT[ranged]] = -1
    span = range(begin, int(rng.integers(begin, extent)) + 1)
    compare(name, axes, numbers, mode, dtype, ranged=ranged, span=span)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", [0, 1, 10, 11])
@pytest.mark.parametrize(
    ("columns", "rows", "terms"), [(16, 48, 1), (37, 113, 300), (75, 61, 1100)]
)
def test_dots_of_many_columns(dtype: type, mode: int, columns: int, rows: int, terms: int) -> None:
    """A dense layer of so many rows on a block of so many examples, which stand in columns."""
    axes = [
        Axis(columns, 0, terms + 5, rows + 3), Axis(rows, terms + 2, 0, 1),
        Axis(1), Axis(terms, 1, 1, 0),
    ]  # fmt: skip
    compare("contract_dots", axes, geometry_of(axes, mode, dots=True), mode, dtype)
    numbers = geometry_of(axes, mode, dots=True)
    numbers[1] = -1
    compare("contract_dots", axes, numbers, mode, dtype, ranged=0, span=range(3, columns))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", [0, 1, 10, 11])
@pytest.mark.parametrize(("columns", "rows", "terms"), [(150, 16, 3), (211, 37, 300)])
def test_wide_matrices_are_packed(
    dtype: type, mode: int, columns: int, rows: int, terms: int
) -> None:
    axes = [Axis(columns, 0, 1, 1), Axis(rows, 2 * terms, 0, columns + 3)]
    axes += [Axis(2, terms, terms * columns, 0), Axis(terms, 1, columns, 0)]
    compare("contract_rows", axes, geometry_of(axes, mode, dots=False), mode, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", [0, 1, 10, 11])
@pytest.mark.parametrize(
    ("columns", "rows", "terms"), [(300, 1, 37), (517, 1, 1), (113, 7, 1), (7, 37, 1), (64, 2, 1)]
)
def test_one_row_or_one_term(dtype: type, mode: int, columns: int, rows: int, terms: int) -> None:
    """A layer on a single example, and the gradient of its weights."""
    axes = [Axis(columns, 0, 1, 1), Axis(rows, terms + 1, 0, columns + 2)]
    axes += [Axis(1), Axis(terms, 1, columns + 5, 0)]
    compare("contract_rows", axes, geometry_of(axes, mode, dots=False), mode, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", [0, 1, 10, 11])
def test_contraction_with_any_strides(dtype: type, mode: int) -> None:
    axes = [Axis(3, 2, 0, 7), Axis(5, 0, 11, 21), Axis(4, 6, 1, 0), Axis(2, 30, 4, 0)]
    numbers = [mode, 2, 2]
    for axis in axes:
        numbers += [axis.extent, axis.a, axis.b, axis.y]
    compare("contract_any", axes, numbers, mode, dtype)
    numbers[7] = -1
    compare("contract_any", axes, numbers, mode, dtype, ranged=1, span=range(1, 4))


@pytest.mark.parametrize("name", ["contract_rows", "contract_lanes", "contract_dots"])
def test_a_cut_range_gives_the_same_bits(name: str) -> None:
    axes = contraction(np.random.default_rng(3), name)
    for axis, size in zip(axes, (37, 29, 3, 301, 1, 1), strict=True):
        axis.extent = size
    packed(axes, "y", [0, 1])
    packed(axes, "a", {"contract_lanes": [0, 3, 2, 1]}.get(name, [3, 2, 1]))
    packed(axes, "b", {"contract_dots": [3, 2, 0]}.get(name, [0, 3, 2]))
    rng = np.random.default_rng(4)
    a, b, y = (rng.normal(size=words(axes, operand)).astype(np.float32) for operand in "aby")
    numbers = geometry_of(axes, 0, name == "contract_dots")
    for place, cuts in itertools.product((1, 2), ([0, 1, 6, 13], [0, 11, 12, 20])):
        whole, parts = y.copy(), y.copy()
        call(name, [a, b, whole], numbers, 0, 0)
        split = list(numbers)
        split[place] = -1
        for begin, end in itertools.pairwise([*cuts, numbers[place]]):
            call(name, [a, b, parts], split, begin, end)
        assert np.array_equal(whole, parts)


def test_fill_zeroes_what_it_is_told() -> None:
    y = np.ones(40, np.float32)
    call("fill", [y], [5, 1], 2, 4)
    assert np.array_equal(y, np.r_[np.ones(10), np.zeros(10), np.ones(20)])
    call("fill", [y], [33, 0], 0, 0)
    assert np.array_equal(y, np.r_[np.zeros(33), np.ones(7)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 37), (37, 7), (16, 32), (113, 50)])
def test_transposition(dtype: type, rows: int, columns: int) -> None:
    x = np.random.default_rng(1).normal(size=(2, columns, rows + 3)).astype(dtype)
    y = np.full((2, rows, columns + 2), 7, dtype)
    begin = rows // 3
    strides = [rows + 3, columns + 2, 2, x[0].size, y[0].size]
    call("transpose", [x, y], [-1, columns, *strides], begin, rows)
    assert np.array_equal(y[:, begin:, :columns], x[:, :, begin:rows].transpose(0, 2, 1))
    assert (y[:, :begin] == 7).all() and (y[..., columns:] == 7).all(), "nothing else is written"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transposition_of_some_examples(dtype: type) -> None:
    x = np.random.default_rng(1).normal(size=(5, 7, 37)).astype(dtype)
    y = np.full((5, 37, 7), 7, dtype)
    call("transpose", [x, y], [37, 7, 37, 7, -1, 7 * 37, 7 * 37], 1, 4)
    assert np.array_equal(y[1:4], x[1:4].transpose(0, 2, 1))
    assert (y[[0, 4]] == 7).all(), "nothing else is written"
