"""Tensors in a file: what each is called, its kind and shape, and its numbers when asked for.

bfloat16 is read as float32 (NumPy has no such kind): the upper half of a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import DataError

BF16 = "BF16"
KINDS = {  # of safetensors, as NumPy reads them
    "F64": "<f8", "F32": "<f4", "F16": "<f2", BF16: "<u2", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
WIDTHS = {"f64": "F64", "f32": "F32", "f16": "F16", "bf16": BF16}
REAL = {"F64", "F32", "F16", BF16}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """One tensor; `read` gives its bytes."""

    name: str
    kind: str  # a key of KINDS
    shape: tuple[int, ...]
    read: Callable[[], bytes]

    @property
    def bytes(self) -> int:
        """How many bytes the tensor takes in the file."""
        return count_of(self.shape) * np.dtype(KINDS[self.kind]).itemsize

    def array(self) -> np.ndarray:
        """The numbers of the tensor; bfloat16 as float32.

        Raises `DataError` where that cannot be.
        """
        found = np.frombuffer(self.read(), KINDS[self.kind])
        if found.size != count_of(self.shape):
            raise DataError(f"{self.name}: the file ends before it does")
        return widened(found, self.kind).reshape(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFile:
    """The tensors of a file by name, in the order in which it has them."""

    name: str
    form: str  # "safetensors" or "PyTorch"
    tensors: Mapping[str, StoredTensor]
    metadata: Mapping[str, str]


def count_of(shape: tuple[int, ...]) -> int:
    """How many numbers a tensor has, in Python's integers, so that nothing wraps around."""
    count = 1
    for size in shape:
        count *= size
    return count


def widened(numbers: np.ndarray, kind: str) -> np.ndarray:
    """Numbers of a file as NumPy has them."""
    if kind != BF16:
        return numbers
    return (numbers.astype(np.uint32) << 16).view(np.float32)


def narrowed(array: np.ndarray, kind: str) -> bytes:
    """Numbers as a file has them; to bfloat16 rounded to the nearest, of two to the even one."""
    if kind != BF16:
        return np.ascontiguousarray(array, KINDS[kind]).tobytes()
    single = np.ascontiguousarray(array, np.float32)
    words = single.view(np.uint32)
    rounded = (words + 0x7FFF + ((words >> 16) & 1)) >> 16
    nan = (words >> 16) | 0x40
    return np.where(np.isnan(single), nan, rounded).astype("<u2").tobytes()
