"""Locks between processes, so that a kernel which several want is built by one of them.

There is a lock file for each key.  A process that does not get the lock waits for the kernel that
the holder builds.

A process that is suspended while it builds keeps its lock.  The processes that wait say so after a
while, and then build the kernel themselves.  That does no harm: a cache entry appears whole, and of
two entries the later one stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from gradc_runtime.cpu.objects.object_cache import trusted_directory, warn_once

TOLD, PASSED = 2.0, 30.0  # seconds of waiting until the user is told, and until it ends
LONGEST_NAP = 0.05  # seconds between two looks
_passed: set[Path] = set()  # locks that have been waited for in vain


@contextlib.contextmanager
def locked(key: str, wait: bool = True) -> Iterator[bool]:
    """Hold a key's lock, so that one process builds the kernel; false if another process holds it
    and `wait` is false.

    Without a usable directory there is no lock to hold, and none is needed.
    """
    place = trusted_directory()
    handle = None
    free = True
    if place is not None:
        path = place / f".{key[:3]}.lock"
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
            free = taken(handle) or (wait and waited_for(handle, path))
    try:
        yield free
    finally:
        if handle is not None:
            os.close(handle)


def taken(handle: int) -> bool:
    """Whether the lock could be taken at once."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def waited_for(handle: int, path: Path) -> bool:
    """True, once the lock is taken or has been waited for long enough."""
    start, nap = time.monotonic(), 0.001
    while path not in _passed and not taken(handle):
        waited = time.monotonic() - start
        if waited > PASSED:
            _passed.add(path)
            warn_once(f"another process holds {path} and does not go on; compiling without it")
        elif waited > TOLD:
            warn_once(f"waiting for another process to compile (it holds {path})")
        time.sleep(nap)
        nap = min(2 * nap, LONGEST_NAP)
    return True
