"""Weights by themselves: what a model needs to run, without what an optimizer keeps of it.

A weights file is a checkpoint of parameters and of the state of layers alone, and says so.  It may
hold them as float16: storage of half the size, which is read back as float32.  Each number is then
rounded once, by at most 2^-11 of it; numbers below 6.1e-5 by at most 3e-8.
"""

from __future__ import annotations

import numpy as np

from gradc_compiler.program.program import Persistent
from gradc_runtime.session.checkpoint import Checkpoint
from gradc_runtime.session.state import StateMemory
from gradc_runtime.system.errors import SessionError

STORED = ("float32", "f16")  # how numbers may be stored; float32: as wide as they are
HOLDS, WEIGHTS = "holds", "weights"  # in a file's state


def weights_of(memory: StateMemory, precision: str) -> Checkpoint:
    """A checkpoint of the weights, in a precision of `STORED`.

    Raises `SessionError` for another precision, and for a number that float16 does not reach.
    """
    if precision not in STORED:
        raise SessionError(f"weights are stored in {' or '.join(STORED)}, not in {precision}")
    kept = (name for name, p in memory.persistents.items() if is_weight(p))
    tensors = {name: memory.views[name] for name in kept}
    if precision == "f16":
        tensors = {name: as_half(name, array) for name, array in tensors.items()}
    return Checkpoint(tensors=tensors, state={HOLDS: WEIGHTS})


def is_weight(persistent: Persistent) -> bool:
    """Whether a model needs this persistent to run: a parameter, or the state of a layer."""
    return persistent.role in ("parameter", "state")


def as_half(name: str, array: np.ndarray) -> np.ndarray:
    """Reals as float16, whole numbers unchanged; raises `SessionError` where one overflows."""
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    beyond = np.isinf(half) & np.isfinite(array)
    if beyond.any():
        number = array[beyond].flat[0]
        raise SessionError(
            f"{name} has {number:.6g}, and float16 ends at 65504: store these weights as float32"
        )
    return half


def only_weights(checkpoint: Checkpoint) -> bool:
    """Whether a file says that it holds weights alone."""
    return checkpoint.state.get(HOLDS) == WEIGHTS
