"""y[row, column] (+)= sum a[row, k1, k2] * b[k1, k2, column], with b and y contiguous in columns.

Dense layers, convolutions and all their derivatives are this one kernel with different strides.

Where the numbers of its geometry are is said in `compiler/program/kernel_abi.py`.  One extent may
be below 0: the range begin..end.
"""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.gemm.macro_kernel import tiled_kernel


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    return tiled_kernel(word, lanewise=False)
