"""Arrays that lie in files as they do in memory, example after example: pieces of them are bytes.

A field may be divided among several files, and two fields differently: blocks are numbers of
examples, whatever file they are in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import require_sizes

LARGEST = 1 << 60  # bytes of a file
WORD = 4  # bytes of a number in memory, whatever it has in the file
Shape = tuple[int, ...]


@dataclass(frozen=True)
class StoredArray:
    """An array [N, ...] in a file, from an offset on."""

    file: WatchedFile
    start: int
    shape: Shape
    dtype: np.dtype[Any]

    def __post_init__(self) -> None:
        require_sizes(self.shape, self.dtype.itemsize, LARGEST, self.file.name)

    def read(self, first: int, end: int) -> np.ndarray:
        """Some rows of the array, in the machine's own order of bytes."""
        row = prod(self.shape[1:]) * self.dtype.itemsize
        data = self.file.read(self.start + first * row, (end - first) * row).view(self.dtype)
        native = data.astype(self.dtype.newbyteorder("="), copy=False)
        return native.reshape(end - first, *self.shape[1:])


class StoredBlocks:
    """Columns of stored arrays, in blocks of equally many examples."""

    held_out: StoredBlocks | None = None
    encoding = None
    variation = None
    names = None

    def __init__(
        self, origin: str, columns: Mapping[str, Sequence[StoredArray]], block: int,
        *, by_name: bool = False, convert: Callable[[np.ndarray], np.ndarray] = np.asarray,
    ) -> None:  # fmt: skip
        self.origin, self.block, self.by_name = origin, block, by_name
        self.columns, self.convert = columns, convert
        for stored in columns.values():
            require_alike([part.shape for part in stored], [part.file.name for part in stored])
        counts = {name: sum(p.shape[0] for p in stored) for name, stored in columns.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name} has {count:,}" for name, count in counts.items())
            raise DataError(f"{origin}: arrays differ in their number of examples: {told}")
        examples = next(iter(counts.values()))
        if not examples:
            raise DataError(f"{origin}: there are no examples")
        each = WORD * sum(prod(stored[0].shape[1:]) for stored in columns.values())
        if not each:  # a few bytes would promise any number of them
            raise DataError(f"{origin}: {examples:,} examples of no numbers")
        self.rows = max(1, block // each)
        self.counts = np.full(-(-examples // self.rows), self.rows)
        self.counts[-1] = examples - self.rows * (len(self.counts) - 1)

    def read(self, block: int) -> Columns:
        """The examples of a block."""
        first = block * self.rows
        end = first + int(self.counts[block])
        arrays = {n: self.convert(rows(parts, first, end)) for n, parts in self.columns.items()}
        origin = self.origin if not first else f"{self.origin}, from example {first:,} on"
        return Columns(origin=origin, arrays=arrays, by_name=self.by_name)


def rows(parts: Sequence[StoredArray], first: int, end: int) -> np.ndarray:
    """Some of the rows of arrays that follow one another."""
    found, before = [], 0
    for part in parts:
        low, high = max(first - before, 0), min(end - before, part.shape[0])
        if low < high:
            found.append(part.read(low, high))
        before += part.shape[0]
    return found[0] if len(found) == 1 else np.concatenate(found)


def end_to_end(arrays: Sequence[np.ndarray], names: Sequence[str]) -> np.ndarray:
    """The rows of arrays that are alike, one array after another."""
    if len(arrays) == 1:
        return arrays[0]
    require_alike([array.shape for array in arrays], names)
    return np.concatenate(arrays)


def require_alike(shapes: Sequence[Shape], names: Sequence[str]) -> None:
    """Refuse files whose examples differ in shape.

    Raises `DataError`.
    """
    for shape, name in zip(shapes, names, strict=True):
        if not shape:
            raise DataError(f"{name}: a single number is no array of examples")
        if shape[1:] != shapes[0][1:]:
            raise DataError(
                f"{name}: examples of {list(shape[1:])}, but {names[0]} has {list(shapes[0][1:])}"
            )
