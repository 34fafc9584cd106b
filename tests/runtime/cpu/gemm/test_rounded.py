"""Products of rounded operands: their bits are those of the terms added in their order, whatever
the processor multiplies with, and however rows and columns are cut.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.ops.bfloat16 import rounded
from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.codegen import target
from gradc_runtime.cpu.codegen.build_kernel import assembly
from gradc_runtime.cpu.objects.compile_kernels import addresses

NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)
LAYOUTS = ["rows", "gradient", "dots"]  # what is contiguous: columns; rows and columns; sums
SIZES = [(1, 1, 1), (5, 7, 3), (9, 33, 64), (37, 300, 129), (130, 65, 700)]  # rows, columns, terms
ROOT = Path(__file__).parents[4]


def product(a: np.ndarray, b: np.ndarray, layout: str, y: np.ndarray, mode: int = 0) -> np.ndarray:
    """y (+)= a @ b by the library, with operands that lie in memory as a layout has them."""
    (m, k), n = a.shape, b.shape[1]
    if layout == "dots":
        left, right, out = a.copy(), b.T.copy(), y.T.copy()
        geometry = [mode, n, m, k, 1, 1, 0, 0, k, 1, 1, 0, k, m, m]
    else:
        left, right, out = (a if layout == "rows" else a.T).copy(), b.copy(), y.copy()
        a_row, a_k = (k, 1) if layout == "rows" else (1, m)
        geometry = [mode, n, m, a_row, n, 1, 0, 0, k, a_k, n, 0]
    kernel = "contract_dots_bf16" if layout == "dots" else "contract_rows_bf16"
    (address,) = addresses([Kernel(kernel)], 4)
    pointers = np.array([array.ctypes.data for array in (left, right, out)])
    numbers = np.array(geometry)
    NATIVE(address)(pointers.ctypes.data, numbers.ctypes.data, 0, 0, 0)
    return out.T.copy() if layout == "dots" else out


def chain(a: np.ndarray, b: np.ndarray, terms: Iterable[int]) -> np.ndarray:
    """The sum of terms, one after another: a product is exact, and added with one rounding."""
    total = np.zeros((len(a), b.shape[1]), np.float32)
    for k in terms:
        total += np.outer(a[:, k], b[k])
    return total


def piece_by_pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A piece of the sum, of each pair the second term first."""
    terms = a.shape[1]
    order = (k for pair in range(0, terms, 2) for k in (pair + 1, pair))
    return chain(a, b, (k for k in order if k < terms))


def piece_by_tiles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A piece of the sum as the matrix unit adds it: of 16 pairs all first and all second terms."""
    total, terms = np.zeros((len(a), b.shape[1]), np.float32), a.shape[1]
    for start in range(0, terms, 32):
        stop = min(start + 32, terms)
        total += chain(a, b, range(start, stop, 2)) + chain(a, b, range(start + 1, stop, 2))
    return total


def term_by_term(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The sum as it is documented: in float32, in pieces."""
    piece = piece_by_tiles if target.host().multiplies_tiles else piece_by_pairs
    a, b = rounded(a), rounded(b)
    total = np.zeros((len(a), b.shape[1]), np.float32)
    for k in range(0, a.shape[1], IN_PIECE):
        total = piece(a[:, k : k + IN_PIECE], b[k : k + IN_PIECE]) + total
    return total


def operands(size: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    (m, n, k), rng = size, np.random.default_rng(4)
    return rng.normal(size=(m, k)).astype("f4"), rng.normal(size=(k, n)).astype("f4")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_bits_are_those_of_the_order_that_is_documented(
    layout: str, size: tuple[int, int, int]
) -> None:
    a, b = operands(size)
    y = np.full((size[0], size[1]), 7, np.float32)
    np.testing.assert_array_equal(product(a, b, layout, y), term_by_term(a, b))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_and_columns_by_themselves_have_the_same_bits(layout: str) -> None:
    a, b = operands(SIZES[-1])
    whole = product(a, b, layout, np.zeros((130, 65), "f4"))
    for rows, columns in ((slice(0, 1), slice(64, 65)), (slice(3, 20), slice(2, 35))):
        shape = whole[rows, columns].shape
        some = product(a[rows], b[:, columns], layout, np.zeros(shape, "f4"))
        np.testing.assert_array_equal(some, whole[rows, columns])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_numbers_that_are_none_reach_the_result(layout: str) -> None:
    a, b = operands(SIZES[2])
    a[2, 5], a[3, 6], a[4, 7] = np.nan, np.inf, 3.4e38  # the last rounds to infinity
    a[5, 0] = np.frombuffer(np.uint32(0x7F800001).tobytes(), "f4")[0]  # NaN by its lower half alone
    found = product(a, b, layout, np.zeros((9, 33), "f4"))
    assert np.isnan(found[[2, 5]]).all()
    assert np.isinf(found[[3, 4]]).all()
    assert np.isfinite(found[[0, 1, 6, 7, 8]]).all()


def digest() -> str:
    """Of many products: the same on every processor."""
    found = hashlib.sha256()
    for size in SIZES:
        a, b = operands(size)
        for layout in LAYOUTS:
            y = np.random.default_rng(1).normal(size=(size[0], size[1])).astype("f4")
            for mode in (0, 1, 2 * 6 + 1):
                found.update(product(a, b, layout, y, mode).tobytes())
    return found.hexdigest()


def test_every_level_has_the_same_bits(tmp_path: Path) -> None:
    triple = target.host().triple
    if not triple.startswith("x86_64"):
        pytest.skip("levels are of x86")
    present = {name for name, on in target.llvm.get_host_cpu_features().items() if on}
    fitting = [name for name, (_, needed) in target.LEVELS.items() if needed <= present]
    mine = ""
    for level in ("", *fitting):  # this processor first, but for its matrix unit
        environment = {**os.environ, "GRADC_LEVEL": level, "GRADC_CACHE": str(tmp_path)}
        environment["GRADC_TILES"] = "0"
        done = subprocess.run(
            [sys.executable, __file__], env=environment, cwd=ROOT, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        mine = mine or done.stdout.strip()
        assert done.stdout.strip() == mine, level


def test_the_instruction_is_used_where_there_is_one() -> None:
    used = "tdpbf16ps" in assembly("contract_rows_bf16", None, 4)
    assert used == target.host().multiplies_tiles
    with target.without_tiles():
        text = assembly("contract_rows_bf16", None, 4)
    assert "tdpbf16ps" not in text
    assert ("vdpbf16ps" in text) == target.host().multiplies_pairs


if __name__ == "__main__":
    print(digest())
