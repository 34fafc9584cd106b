"""Products of rounded operands by the matrix unit: the order of each sum, edges of every size, and
who may run such code.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.ops.bfloat16 import rounded
from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.codegen import build_kernel, target
from gradc_runtime.cpu.objects.compile_kernels import LINKED, addresses, key_of
from gradc_runtime.system import tile_permission
from tests.runtime.cpu.gemm.test_rounded import (
    LAYOUTS,
    NATIVE,
    operands,
    piece_by_tiles,
    product,
    term_by_term,
)

ROOT = Path(__file__).parents[4]
RELEASE = bytes.fromhex("c4e27849c0")  # TILERELEASE
IN_USE = bytes.fromhex("b901000000 0f01d0 c3")  # mov ecx, 1; xgetbv; ret: what is not as at first
tiles = pytest.mark.skipif(
    not target.host().multiplies_tiles, reason="no matrix unit (AMX), or no permission to use it"
)


def leave_nan_on_the_stack(layout: str) -> None:
    a, b = operands((130, 300, 300))
    product(a * np.nan, b, layout, np.zeros((130, 300), "f4"))


@tiles
@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("layout", LAYOUTS)
def test_bits_for_every_extent(layout: str, axis: int) -> None:
    leave_nan_on_the_stack(layout)
    for extent in range(1, 71):
        size = [37, 43, 53]
        size[axis] = extent
        a, b = operands((size[0], size[1], size[2]))
        y = np.full((size[0], size[1]), 7, np.float32)
        np.testing.assert_array_equal(product(a, b, layout, y), term_by_term(a, b), str(size))


@tiles
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(1, 1, 1), (32, 64, 256), (33, 65, 257), (150, 290, 600)])
def test_sums_are_added_or_divided_as_ever(size: tuple[int, int, int], layout: str) -> None:
    a, b = operands(size)
    y = np.random.default_rng(1).normal(size=size[:2]).astype("f4")
    pieces = [
        piece_by_tiles(rounded(a[:, k : k + IN_PIECE]), rounded(b[k : k + IN_PIECE]))
        for k in range(0, size[2], IN_PIECE)
    ]
    for mode, divisor in ((0, 1), (1, 1), (2 * 8, 8), (2 * 6 + 1, 6)):
        wanted = y if mode & 1 else np.zeros_like(y)
        for part in pieces:
            wanted = part / np.float32(divisor) + wanted
        np.testing.assert_array_equal(product(a, b, layout, y, mode), wanted)


@tiles
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_cut_of_rows_and_columns_has_the_same_bits(layout: str) -> None:
    a, b = operands((150, 290, 300))
    whole = product(a, b, layout, np.zeros((150, 290), "f4"))
    for cut in (1, 15, 16, 17, 31, 32, 33, 127, 129):
        y = np.zeros((cut, cut), "f4")
        some = product(a[-cut:], b[:, 7 : 7 + cut], layout, y)
        np.testing.assert_array_equal(some, whole[-cut:, 7 : 7 + cut])


@tiles
@pytest.mark.parametrize(("k1", "k2"), [(3, 5), (7, 3), (90, 3), (2, 300), (5, 1)])
@pytest.mark.parametrize("side_by_side", [True, False])
def test_two_loops_of_sums_and_any_strides(k1: int, k2: int, side_by_side: bool) -> None:
    """In memory a is [rows, k1, k2] or [k1, k2, rows], b [columns, k1, k2], y every second word."""
    m, n = 35, 39
    a, b = operands((m, n, k1 * k2))
    left = a.copy() if side_by_side else a.T.copy()
    a_row, a_k1, a_k2 = (k1 * k2, k2, 1) if side_by_side else (1, k2 * m, m)
    right, y = b.T.copy(), np.zeros((m, n, 2), "f4")
    geometry = [0, n, m, a_row, 2 * n, k1, a_k1, k2, k2, a_k2, 1, 0, k1 * k2, 2]
    (address,) = addresses([Kernel("contract_dots_bf16")], 4)
    pointers = np.array([array.ctypes.data for array in (left, right, y)])
    numbers = np.array(geometry)
    NATIVE(address)(pointers.ctypes.data, numbers.ctypes.data, 0, 0, 0)
    np.testing.assert_array_equal(y[..., 0], by_pieces(a, b, k1, k2))
    assert not y[..., 1].any()


def by_pieces(a: np.ndarray, b: np.ndarray, k1: int, k2: int) -> np.ndarray:
    """The sum over k1 and k2: pairs are along k2, and a last term alone is one with 0."""
    k1, k2 = (1, k1) if k2 == 1 else (k1, k2)
    a, b = (rounded(x).reshape(-1, k1, k2) for x in (a, b.T))
    total = np.zeros((len(a), len(b)), np.float32)
    step2 = min(k2, IN_PIECE)
    step1 = max(1, IN_PIECE // step2)
    for s1 in range(0, k1, step1):
        for s2 in range(0, k2, step2):
            parts = [x[:, s1 : s1 + step1, s2 : s2 + step2] for x in (a, b)]
            odd = [(0, 0), (0, 0), (0, parts[0].shape[2] % 2)]
            left, right = (np.pad(x, odd).reshape(len(x), -1) for x in parts)
            total = piece_by_tiles(left, right.T) + total
    return total


@tiles
def test_the_unit_is_left_as_it_was_found() -> None:
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(IN_USE)
    in_use = ctypes.CFUNCTYPE(ctypes.c_uint32)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    a, b = operands((40, 40, 40))
    product(a, b, "rows", np.zeros((40, 40), "f4"))
    assert in_use() >> 17 & 3 == 0  # neither shapes nor tiles


def told(code: str, **environment: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


KEYS = """
from gradc_runtime.cpu.objects.compile_kernels import LINKED, key_of
print(*(key_of(*given) for given in [
    ("contract_rows_bf16", None, 4), ("contract_rows", None, 4),
    ("linkable contract_rows_bf16", None, 4, LINKED)]))
"""


@tiles
def test_code_for_the_unit_has_a_key_of_its_own() -> None:
    without = told(KEYS, GRADC_TILES="0").split()
    mine = [
        key_of("contract_rows_bf16", None, 4), key_of("contract_rows", None, 4),
        key_of("linkable contract_rows_bf16", None, 4, LINKED),
    ]  # fmt: skip
    assert [a == b for a, b in zip(mine, without, strict=True)] == [False, True, True]


@tiles
def test_code_for_a_linker_needs_no_permission() -> None:
    for name in ("contract_rows_bf16", "contract_dots_bf16"):
        assert RELEASE in build_kernel.object_code(name, None, 4, "kernel")
        assert RELEASE not in build_kernel.linkable_code(name, None, 4, "kernel")


@pytest.mark.parametrize("name", ["GRADC_TILES", "GRADC_LEVEL"])
def test_it_can_be_switched_off(name: str) -> None:
    code = "from gradc_runtime.cpu.codegen.target import host; print(host().multiplies_tiles)"
    value = "0" if name == "GRADC_TILES" else "sse2"
    if not target.host().is_x86:
        pytest.skip("levels are of x86")
    assert told(code, **{name: value}) == "False"


def test_a_system_that_refuses_is_asked_and_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def refuse(*args: Any) -> int:
        asked.append(tuple(arg.value for arg in args))
        return -1

    ask = tile_permission.tiles_granted.__wrapped__
    for name in (*tile_permission.OTHER_PROCESSOR, tile_permission.SWITCH):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tile_permission.sys, "platform", "linux")
    monkeypatch.setattr(tile_permission.os, "uname", lambda: SimpleNamespace(machine="x86_64"))
    monkeypatch.setattr(tile_permission, "present", lambda: True)
    library = SimpleNamespace(syscall=refuse)
    monkeypatch.setattr(tile_permission.ctypes, "CDLL", lambda name: library)
    assert not ask()
    assert asked == [(158, 0x1023, 18)]
    monkeypatch.setattr(tile_permission, "present", lambda: False)
    assert not ask()
    assert len(asked) == 1
