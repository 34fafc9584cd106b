"""y[row, column] (+)= sum a[row, k1, k2] * b[k1, k2, column], with b and y contiguous in columns.

Dense layers, convolutions and all their derivatives are this one kernel with different strides.

geometry = [mode, N columns, M rows, a_row, y_row, K1, a_k1, b_k1, K2, a_k2, b_k2, L, then L outer
loops, outermost first: extent, a, b, y].  An odd mode adds to y, an even one overwrites it;
mode // 2, if it is not 0, divides the sum.  One extent may be -1: the range begin..end.
"""

from __future__ import annotations

from typing import Any

from runtime.cpu.kernels.tiled import tiled_kernel


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    return tiled_kernel(word, lanewise=False)
