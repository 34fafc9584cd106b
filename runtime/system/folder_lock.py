"""One process a run: a lock on a file in its folder, which ends with the process that holds it.

A POSIX lock belongs to a process, not to its copies, which build kernels and may outlive it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gradc_runtime.system.errors import SessionError

NAME = ".lock"
HELD = (errno.EACCES, errno.EAGAIN)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder; `SessionError` where another process does.

    Where no file can be made, or the file system knows no locks, there is none to hold.
    """
    handle = None
    with suppress(OSError):
        handle = os.open(
            folder / NAME, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
    try:
        if handle is not None:
            lock(handle, folder)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def lock(handle: int, folder: Path) -> None:
    """Lock an open file and write down who did.

    Raises `SessionError` where another process holds it.
    """
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        if fault.errno not in HELD:
            return
        owner = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
        raise SessionError(
            f"{folder} is being trained by process {owner or '(unknown)'}; wait for its end, or"
            " begin a run of its own without --resume"
        ) from None
    with suppress(OSError):
        os.truncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
