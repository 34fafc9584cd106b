"""Arrays of other libraries, used in place: an array that supports DLPack is not copied.

A tensor of PyTorch, JAX, CuPy or TensorFlow hands over a capsule that says where its numbers lie
(https://dmlc.github.io/dlpack, the protocol of the Python array API).  NumPy makes a view of it.

A tensor of PyTorch may keep its minus sign apart from its numbers, as `z.conj().imag` does, and the
capsule does not tell of it: such a tensor is asked for its numbers first (`resolve_neg`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc_runtime.system.errors import DataError

HOST = {1: "the CPU", 3: "pinned memory"}  # kinds of devices whose memory a CPU reads
DEVICES = {2: "CUDA", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "ROCm", 13: "CUDA", 14: "oneAPI"}


def shared(given: Any, name: str) -> Any:
    """A NumPy view of an array of another library; any other value as it is.

    Raises `DataError` where its numbers lie on another device, or it does not hand them over.
    """
    if isinstance(given, np.ndarray) or not hasattr(type(given), "__dlpack__"):
        return given
    try:
        kind, number = given.__dlpack_device__()
        kind = int(kind)
        if kind in HOST:
            return np.from_dlpack(signed(given))
    except MemoryError:
        raise
    except Exception as fault:  # libraries raise their own kinds of errors
        reason = str(fault).partition("\n")[0][:100]
        raise DataError(f"{name}: {type(given).__name__} gives no array ({reason})") from None
    where = f"{DEVICES.get(kind, 'device kind ' + str(kind))} {number}"
    raise DataError(f"{name}: it lies on {where}; copy it to the CPU first")


def each_shared(given: Any, name: str) -> Any:
    """`shared`, also of a list of such arrays.

    Raises `DataError` as it does.
    """
    if isinstance(given, list | tuple) and given and hasattr(type(given[0]), "__dlpack__"):
        return [shared(one, name) for one in given]
    return shared(given, name)


def signed(given: Any) -> Any:
    """An array whose signs are in its numbers: itself, or a copy of PyTorch's negative view."""
    resolved = getattr(given, "resolve_neg", None)
    return given if resolved is None else resolved()
