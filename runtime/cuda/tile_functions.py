"""What kernels in tiles call that numba-cuda has no word for, by the names of their text.

Loads of four neighbours at once, copies from memory to shared memory past the registers, and the
products of one step, of each thread or by tensor cores (`tile_products.py`, `tile_tensors.py`,
`tile_copies.py`), and the meeting of all blocks (`grid_barrier.py`).  In the simulator
`simulated_functions.py` has functions of the same names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc_runtime.cuda import tile_tensors
from gradc_runtime.cuda.grid_barrier import all_blocks
from gradc_runtime.cuda.numba_intrinsics import cuda, inlined, types
from gradc_runtime.cuda.row_products import row_products
from gradc_runtime.cuda.tile_copies import again, below, copier, inside, plain, start
from gradc_runtime.cuda.tile_products import ALIGNED, joined, keep, products, zeros, zeros_double

LOW = np.uint64(32)
WHOLE = 0xFFFFFFFF  # all threads of a warp


def divided(n: Any, multiplier: Any, shift: Any) -> Any:
    """A quotient by a known number, by way of its reciprocal (`tile_writer.py`)."""
    more = np.uint64(np.uint32(np.uint32(n) + np.uint32(1)))
    high = np.uint32(more * np.uint64(np.uint32(multiplier)) >> LOW)
    return np.int32(high >> np.uint32(shift))


def memory(word: int) -> dict[str, Callable[..., Any]]:
    """What threads of a block share, and what those of a warp show one another."""
    real = types.float32 if word == 4 else types.float64
    return {
        "shared": inlined(lambda words: cuda.shared.array(words, real, alignment=ALIGNED)),
        "places": inlined(lambda words: cuda.shared.array(words, types.int32)),
        "barrier": inlined(lambda: cuda.syncthreads()),
        "all_blocks": all_blocks,
        "across": inlined(lambda value, distance: cuda.shfl_xor_sync(WHOLE, value, distance)),
    }


def whole_numbers() -> dict[str, Callable[..., Any]]:
    """Which thread it is, and arithmetic of 32 bits."""
    return {
        "lane": inlined(lambda: cuda.threadIdx.x),
        "block": inlined(lambda: cuda.blockIdx.x),
        "blocks": inlined(lambda: cuda.gridDim.x),
        "ratio": inlined(lambda a, b: np.int32(np.uint32(a) // np.uint32(b))),
        "divided": inlined(divided),
        "again": again,
        "below": below,
        "whole": np.int32,
        "near": np.int32,
        "unsigned": np.uint32,
    }


def functions(word: int, *, recent: bool = True) -> dict[str, Callable[..., Any]]:
    """Everything that text in tiles may call, for words of 4 or 8 bytes; on a `recent` GPU, of
    compute capability 8.0 or more, copies go past the registers.
    """
    return {
        **memory(word),
        **whole_numbers(),
        "zeros": zeros if word == 4 else zeros_double,
        "products": products,
        "row_products": row_products,
        "joined": joined,
        **tile_tensors.functions(),
        "keep": keep,
        "start": start,
        "copy": copier(1, recent),
        "copy4": copier(4, recent),
        "inside": inside,
        "copies_arrive": plain("cp.async.wait_all;" if recent else ""),
    }
