"""Reading without trust: only regular files, no more than is there, and one line for what is wrong.

A FIFO would be waited for without end, a header may promise more memory than there is, and the
libraries that unpack archives raise what they like at damaged bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from gradc_runtime.system.errors import DataError, RunError, SessionError

CHUNK = 1 << 24  # bytes
AXES = 32
MEMORY = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")


class Reader(Protocol):
    """Anything to read bytes from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`."""


def opened(path: Path, flags: int = 0) -> BinaryIO:
    """A regular file to read from, opened without waiting; `OSError` for anything else."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return open(handle, "rb")
    os.close(handle)
    raise OSError(0, "not a regular file", str(path))


def path_of(given: object) -> Path:
    """A path as users may give it.

    Raises `SessionError` for what is no text and no path.
    """
    if isinstance(given, str | os.PathLike) and "\0" not in (text := os.fsdecode(given)):
        return Path(text)
    raise SessionError(f"a path is text, not {given!r}")


@contextmanager
def one_line(name: str, kind: str) -> Iterator[None]:
    """Whatever a library raises at damaged bytes, as a `DataError`.

    They raise nearly everything: zipfile alone BadZipFile, LZMAError, UnicodeDecodeError,
    struct.error, NotImplementedError and more, which differ between versions of Python.
    """
    try:
        yield
    except (RunError, MemoryError):
        raise
    except Exception as fault:
        reason = str(fault).partition("\n")[0][:80]
        raise DataError(f"{name}: damaged or not {kind} ({reason})") from None


def require_sizes(shape: tuple[int, ...], itemsize: int, most: int, name: str) -> None:
    """Refuse a shape that no array can have, be it empty, or that is larger than is accepted.

    Raises `DataError`.
    """
    bytes_ = itemsize
    for size in shape:
        bytes_ *= max(size, 1)  # Python's integers: a product cannot wrap around
    if len(shape) > AXES or bytes_ > most:
        sizes = ", ".join(str(size)[:20] for size in shape[:8])
        raise DataError(f"{name}: an array [{sizes}] is larger than is accepted")


def read_up_to(stream: Reader, size: int, name: str) -> NDArray[np.uint8]:
    """The next `size` bytes or as many as there are; memory follows what is really read."""
    require_memory(size, name)
    data, filled = np.empty(size, np.uint8), 0
    while filled < size and (chunk := stream.read(min(size - filled, CHUNK))):
        data[filled : filled + len(chunk)] = np.frombuffer(chunk, np.uint8)
        filled += len(chunk)
    return data[:filled]


def require_memory(needed: int, what: str) -> None:
    """Refuse what needs more memory than is free, with both sizes.

    Raises `SessionError`.
    """
    if needed > CHUNK and needed > (free := free_memory()):
        raise SessionError(f"{what} needs {size(needed)} of memory; {size(free)} are free")


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def free_memory() -> int:
    """Bytes that this process can still get: of the machine's, and of its group's."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for line in text_of(MEMORY).splitlines():
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) << 10
    most, used = text_of(GROUP / "memory.max"), text_of(GROUP / "memory.current")
    if most.strip().isdecimal() and used.strip().isdecimal():
        free = min(free, int(most) - int(used) + cached_by_group())
    return max(free, 0)


def cached_by_group() -> int:
    """Bytes of files that the group's memory holds, and gives up when they are wanted."""
    rows = (line.split() for line in text_of(GROUP / "memory.stat").splitlines())
    return sum(int(row[1]) for row in rows if row[0] in ("inactive_file", "active_file"))


def text_of(path: Path) -> str:
    """What the system says there; nothing where it does not."""
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
