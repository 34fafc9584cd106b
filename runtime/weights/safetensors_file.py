"""safetensors files of any origin: https://github.com/huggingface/safetensors (format).

Eight bytes say how long the header is, a JSON text that has for each tensor its kind, its shape and
where its bytes are.  Every claim is checked against the file before anything is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import AXES, opened, require_memory
from gradc_runtime.weights.stored import KINDS, REAL, StoredTensor, TensorFile, count_of, narrowed

LARGEST_HEADER = 1 << 26  # bytes
NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32",
         "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16",
         "uint8": "U8", "bool": "BOOL"}  # fmt: skip


def read_safetensors(path: Path) -> TensorFile:
    """The tensors of a safetensors file.

    Raises `DataError` where it is damaged, `OSError` where it cannot be read.
    """
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(LARGEST_HEADER, size - 8):
            raise DataError(f"{path.name}: no safetensors file, or cut off")
        header = stream.read(length)
    try:
        about = json.loads(header, object_pairs_hook=each_once)
        metadata = about.pop("__metadata__", {})
        tensors = {n: stored(path, n, a, 8 + length, size) for n, a in about.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as fault:
        reason = str(fault).partition("\n")[0][:100]
        raise DataError(f"{path.name}: its header is damaged ({reason})") from None
    if not isinstance(metadata, dict):
        raise DataError(f"{path.name}: its metadata is damaged")
    return TensorFile(name=path.name, form="safetensors", tensors=tensors, metadata=metadata)


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; raises `ValueError` where one name stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has {max(names, key=names.count)} twice")
    return found


def stored(path: Path, name: str, about: Mapping[str, Any], start: int, size: int) -> StoredTensor:
    """A tensor whose bytes are all in the file.

    Raises `DataError` where they cannot be, or its kind is none that NumPy can hold.
    """
    kind, shape, (first, last) = about["dtype"], tuple(about["shape"]), about["data_offsets"]
    whole = all(type(x) is int and x >= 0 for x in (*shape, first, last))
    if not whole or len(shape) > AXES:
        raise DataError(f"{path.name}: the shape of {name} is none")
    if kind not in KINDS:
        raise DataError(f"{path.name}: {name} is of the kind {kind}, which cannot be read")
    if last - first != count_of(shape) * np.dtype(KINDS[kind]).itemsize or start + last > size:
        raise DataError(f"{path.name}: {name} is not where the header says")
    return StoredTensor(
        name=name, kind=kind, shape=shape, read=partial(part_of, path, start + first, last - first)
    )


def part_of(path: Path, first: int, count: int) -> bytes:
    """The bytes of a part of a file."""
    require_memory(2 * count, path.name)
    with opened(path) as stream:
        stream.seek(first)
        return stream.read(count)


def safetensors_bytes(
    tensors: Mapping[str, np.ndarray], kind: str | None = None, kinds: Mapping[str, str] = {},
) -> bytes:  # fmt: skip
    """The bytes of a safetensors file; real numbers are stored as `kind`, or as `kinds` says.

    Raises `DataError` where that cannot be.
    """
    head: dict[str, Any] = {}
    parts, at = [], 0
    for name, array in tensors.items():
        own = kinds.get(name) or NAMES.get(array.dtype.name)
        if own is None:
            raise DataError(f"{name}: safetensors files have no {array.dtype}")
        own = kind if kind is not None and own in REAL else own
        data = narrowed(array, own)
        place = [at, at + len(data)]
        head[name] = {"dtype": own, "shape": list(array.shape), "data_offsets": place}
        parts.append(data)
        at += len(data)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)
