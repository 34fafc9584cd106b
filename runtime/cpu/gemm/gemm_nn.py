"""y[row, column] (+)= sum a[row, k1, k2] * b[k1, k2, column], with b and y contiguous in columns.

Dense layers, convolutions and all their derivatives are this one kernel with different strides.  In
BLAS it is GEMM with neither matrix transposed (NN).
"""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.gemm.column_blocks import column_blocked_loops
from gradc_runtime.cpu.gemm.long_sums import compensated_loops
from gradc_runtime.cpu.gemm.macro_kernel import tiled_kernel
from gradc_runtime.cpu.gemm.outer_loops import contraction_kernel, plain_loops
from gradc_runtime.cpu.gemm.pairs import WORD
from gradc_runtime.cpu.gemm.rounded import rounded_rows
from gradc_runtime.cpu.gemm.tile import Tile


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    return tiled_kernel(Tile(1, 1, word), column_blocked_loops)


def compensated_kernel(word: int) -> Any:
    """The kernel for sums that may be very long."""
    return tiled_kernel(Tile(1, 1, word), compensated_loops)


def rounded_kernel(word: int) -> Any:
    """The kernel that rounds its operands to bfloat16."""
    if word != WORD:
        return tiled_kernel(Tile(1, 1, word, rounds=True), plain_loops)
    return contraction_kernel(word, plain_loops(word, rounded_rows(), 0))


def compensated_rounded_kernel(word: int) -> Any:
    """The kernel that rounds its operands to bfloat16, for sums that may be very long."""
    if word != WORD:
        return tiled_kernel(Tile(1, 1, word, rounds=True), compensated_loops)
    return contraction_kernel(word, compensated_loops(word, rounded_rows(), 0))
