"""y[row, column] (+)= sum a[row, k1, k2, column] * b[k1, k2, column], all contiguous in columns.

The kernel of depthwise convolutions, in which each channel has a filter of its own, and of sums of
elementwise products.  A tile reads a vector of a for every vector of b, where a product of matrices
repeats one number of a in all lanes.
"""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.gemm.long_sums import compensated_loops
from gradc_runtime.cpu.gemm.macro_kernel import tiled_kernel
from gradc_runtime.cpu.gemm.outer_loops import plain_loops
from gradc_runtime.cpu.gemm.tile import Tile


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    return tiled_kernel(Tile(1, 1, word, lanewise=True), plain_loops)


def compensated_kernel(word: int) -> Any:
    """The kernel for sums that may be very long."""
    return tiled_kernel(Tile(1, 1, word, lanewise=True), compensated_loops)


def rounded_kernel(word: int) -> Any:
    """The kernel that rounds its operands to bfloat16."""
    return tiled_kernel(Tile(1, 1, word, lanewise=True, rounds=True), plain_loops)


def compensated_rounded_kernel(word: int) -> Any:
    """The kernel that rounds its operands to bfloat16, for sums that may be very long."""
    return tiled_kernel(Tile(1, 1, word, lanewise=True, rounds=True), compensated_loops)
