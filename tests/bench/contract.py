"""How fast the contraction kernel is, beside NumPy: `python -m tests.bench.contract`.

Set OPENBLAS_NUM_THREADS=1 to compare one thread with one thread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np

from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.objects.compile_kernels import addresses

NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)
DENSE = [(96, 32, 64), (8, 512, 784), (32, 512, 784), (128, 512, 784), (512, 1024, 1024)]
CONVOLUTIONS = [(14, 1, 8, 5, 2), (14, 8, 16, 3, 1), (7, 16, 32, 3, 1), (28, 32, 32, 3, 1)]
BATCH = 8


def rate(operations: float, run: Callable[[], object]) -> float:
    """GFLOP/s of the best of several runs."""
    repeats = max(1, int(1e8 / operations))
    best = float("inf")
    for _ in range(5):
        start = perf_counter()
        for _ in range(repeats):
            run()
        best = min(best, (perf_counter() - start) / repeats)
    return operations / best / 1e9


def kernel_call(
    arrays: Sequence[np.ndarray], geometry: Sequence[int], end: int
) -> Callable[[], None]:
    """`contract_rows` on these arrays for the range 0..end."""
    (address,) = addresses([Kernel("contract_rows")], 4)
    native = NATIVE(address)
    pointers = np.array([array.ctypes.data for array in arrays])
    numbers = np.array(geometry)

    def run() -> None:
        native(pointers.ctypes.data, numbers.ctypes.data, 0, end, 0)

    return run


def dense(m: int, n: int, k: int) -> None:
    """y[m, n] = a[m, k] b[k, n]."""
    a, b, y = (np.ones(shape, np.float32) for shape in [(m, k), (k, n), (m, n)])
    geometry = [0, n, -1, k, n, 1, 0, 0, k, 1, n, 0]
    ours = rate(2 * m * n * k, kernel_call([a, b, y], geometry, m))
    theirs = rate(2 * m * n * k, lambda: np.dot(a, b, out=y))
    print(f"dense  {m:4} x {n:4} x {k:4}       {ours:6.1f} GFLOP/s   numpy {theirs:6.1f}")


def convolution(size: int, channels: int, filters: int, kernel: int, stride: int) -> None:
    """[BATCH, size, size, filters] from an image with its border, rows of a tile along x."""
    wide = (size - 1) * stride + kernel
    x = np.ones((BATCH, wide, wide, channels), np.float32)
    w = np.ones((kernel, kernel * channels, filters), np.float32)
    y = np.ones((BATCH, size, size, filters), np.float32)
    terms = kernel * channels
    geometry = [0, filters, size, stride * channels, filters]
    geometry += [kernel, wide * channels, terms * filters, terms, 1, filters]
    geometry += [2, -1, wide * wide * channels, 0, size * size * filters]
    geometry += [size, stride * wide * channels, 0, size * filters]
    operations = 2 * y.size * kernel * terms
    ours = rate(operations, kernel_call([x, w, y], geometry, BATCH))
    print(f"conv   {size}x{size}, {channels} -> {filters}, {kernel}x{kernel}   {ours:.1f} GFLOP/s")


if __name__ == "__main__":
    for shape in DENSE:
        dense(*shape)
    for layer in CONVOLUTIONS:
        convolution(*layer)
