"""Files of one example each, in blocks of equally many of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.arrays.variation import Variation
from gradc_runtime.data.blocks.watched_file import version
from gradc_runtime.data.folders.found_files import FoundFile
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError

Version = tuple[int, int, int, int]
Decode = Callable[[Sequence[FoundFile]], Mapping[str, Any]]


@dataclass(frozen=True)
class FileSet:
    """Files, what makes fields of them, what their numbers stand for, and how they are varied."""

    origin: str
    files: Sequence[FoundFile]
    decode: Decode
    encoding: Encoding | None
    variation: Variation | None = None

    def whole(self) -> Columns:
        """The columns of all files."""
        return self.columns(self.files)

    def columns(self, files: Sequence[FoundFile]) -> Columns:
        """The columns of the given files."""
        return Columns(
            origin=self.origin, arrays=self.decode(files), by_name=True, encoding=self.encoding,
            variation=self.variation, names=self.names(files),
        )  # fmt: skip

    def names(self, files: Sequence[FoundFile]) -> tuple[str, ...]:
        """What the given files are called within the folder."""
        return tuple(file.name.removeprefix(f"{self.origin}/") for file in files)


class FileBlocks:
    """The examples of a `FileSet`, read block by block as they are needed."""

    held_out: None = None

    def __init__(self, files: FileSet, block: int, each: int) -> None:
        self.origin, self.block, self.files = files.origin, block, files
        self.encoding, self.variation = files.encoding, files.variation
        self.names = files.names(files.files)
        self.rows = max(1, block // each)
        count = len(files.files)
        self.counts = np.full(-(-count // self.rows), self.rows)
        self.counts[-1] = count - self.rows * (len(self.counts) - 1)
        self.seen: dict[int, list[Version]] = {}

    def read(self, block: int) -> Columns:
        """The examples of a block.

        Raises `DataError` where a file is no longer what it was.
        """
        files = self.files.files[block * self.rows : (block + 1) * self.rows]
        found = self.files.columns(files)
        now = [version_of(file) for file in files]
        for file, first, last in zip(files, self.seen.setdefault(block, now), now, strict=True):
            if first != last:
                raise DataError(f"{file.name} was changed while it was read")
        return found


def version_of(file: FoundFile) -> Version:
    """What tells one version of a file from another.

    Raises `DataError` where it is gone.
    """
    try:
        return version(file.path)
    except OSError as fault:
        raise DataError(f"{file.name}: {fault.strerror or fault}") from None
