"""bfloat16 by bits: the upper half of a float32, which keeps its range and 8 of its 24 digits."""

from __future__ import annotations

import numpy as np

from gradc_compiler.graph.op import Array

EPS = 2.0**-8  # the greatest relative error of a rounding
BELOW_HALF, UPPER = np.uint32(0x7FFF), np.uint32(0xFFFF0000)


def rounded(x: Array) -> Array:
    """x, as a float32, rounded to the nearest bfloat16: ties to even, NaN kept, and what is beyond
    the greatest number becomes infinite.
    """
    with np.errstate(all="ignore"):
        single = np.asarray(x, np.float32)
    bits = single.view(np.uint32)
    nearest = (bits + (BELOW_HALF + (bits >> np.uint32(16) & np.uint32(1)))) & UPPER
    kept = np.where(np.isnan(single), single, nearest.view(np.float32))
    return kept.astype(np.result_type(x, np.float32), copy=False)
