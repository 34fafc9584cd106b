"""A file that is read in pieces over hours, and must not change meanwhile.

Pieces are read, not mapped: a file that somebody cuts off ends a process that has mapped it, and
pages that are mapped count as its memory.  Device, inode, size and time of the last change are
compared before and after every piece, so bytes of two versions are never mixed.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import opened


class WatchedFile:
    """Pieces of one version of a file."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        with opened(path) as stream:
            self.version = version(stream.fileno())
        self.size = self.version[2]

    def read(self, offset: int, size: int) -> NDArray[np.uint8]:
        """The bytes from an offset on, exactly as many as are wanted.

        Raises `DataError` where they are not there, or the file is no longer the same.
        """
        data, filled = np.empty(size, np.uint8), 0
        try:
            with opened(self.path) as stream:
                handle = stream.fileno()
                self.require_unchanged(handle)
                while filled < size and (
                    count := os.preadv(handle, [data.data[filled:]], offset + filled)
                ):
                    filled += count
                self.require_unchanged(handle)
        except OSError as fault:
            raise DataError(f"{self.name}: {fault.strerror or fault} while it was read") from None
        if filled < size:
            raise DataError(f"{self.name}: {size:,} bytes expected at {offset:,}, {filled:,} found")
        return data

    def require_unchanged(self, handle: int | None = None) -> None:
        """Refuse another version; `handle` is what has been opened, if it has.

        Raises `DataError`.
        """
        found = version(self.path if handle is None else handle)
        if found != self.version:
            grown = found[2] - self.version[2]
            how = f"it is {abs(grown):,} bytes {'longer' if grown > 0 else 'shorter'}"
            how = how if grown else "its time of change, or the file itself, is another"
            raise DataError(f"{self.name} was changed while it was read: {how}")


def version(of: int | Path) -> tuple[int, int, int, int]:
    """What tells one version of a file from another; the size is the third."""
    status = os.stat(of)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
