"""The weights of a module as bytes, which its text or a file beside it has."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

KINDS = {"float32": "F32", "float64": "F64", "int64": "I64"}


def packed_tensors(tensors: Mapping[str, np.ndarray]) -> bytes:
    """Tensors as a safetensors file."""
    head, parts, at = {}, [], 0
    for name, array in tensors.items():
        data = array.tobytes()
        kind = KINDS[str(array.dtype)]
        offsets = [at, at + len(data)]
        head[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        parts.append(data)
        at += len(data)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)
