"""y[row, column] (+)= sum a[row, k1, k2, column] * b[k1, k2, column], all contiguous in columns.

Depthwise convolution and sums of elementwise products.  Where the numbers of its
geometry are is said in `compiler/program/kernel_abi.py`.
"""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.gemm.macro_kernel import tiled_kernel


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    return tiled_kernel(word, lanewise=True)
