"""bfloat16 and TF32 by bits: the upper 16 and 19 of a float32, which keep its range and 8 and 11 of
its 24 digits.
"""

from __future__ import annotations

import numpy as np

from gradc_compiler.graph.op import Array

EPS, EPS_OF_TF32 = 2.0**-8, 2.0**-11  # the greatest relative error of a rounding
EPSILONS = {"bf16": EPS, "tf32": EPS_OF_TF32}  # by precision
DROPPED, DROPPED_OF_TF32 = 16, 13  # bits of a float32


def rounded(x: Array) -> Array:
    """x, as a float32, rounded to the nearest bfloat16: ties to even, NaN kept, and what is beyond
    the greatest number becomes infinite.
    """
    return _without(x, DROPPED)


def rounded_to_tf32(x: Array) -> Array:
    """The same to the nearest TF32."""
    return _without(x, DROPPED_OF_TF32)


def _without(x: Array, dropped: int) -> Array:
    """x rounded to a float32 without its last bits."""
    with np.errstate(all="ignore"):
        single = np.asarray(x, np.float32)
    bits = single.view(np.uint32)
    below_half, upper = np.uint32((1 << dropped - 1) - 1), np.uint32((1 << 32) - (1 << dropped))
    nearest = (bits + (below_half + (bits >> np.uint32(dropped) & np.uint32(1)))) & upper
    kept = np.where(np.isnan(single), single, nearest.view(np.float32))
    return kept.astype(np.result_type(x, np.float32), copy=False)
