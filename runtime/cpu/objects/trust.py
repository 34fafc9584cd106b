"""Whether something in the cache is this user's own, and was written by gradc.

Nobody else may be able to write there.  Each file carries a message authentication code (HMAC,
RFC 2104), which can be made only with the key; a plain checksum could be made by anybody.  The
key is 32 random bytes in a file of the cache's own; if it is lost, all entries are made again.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import stat
import tempfile
from pathlib import Path

from gradc_runtime.system.files import opened

FILE, BYTES = ".key", 32


def why_distrusted(status: os.stat_result) -> str | None:
    """The reason not to trust a file or directory, if there is one."""
    if status.st_uid != os.getuid():
        return f"owner is uid {status.st_uid}"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write it"
    return None


def why_parents_distrusted(place: Path) -> str | None:
    """Whether a directory above `place` lets strangers swap what is in it."""
    for parent in place.parents:
        mode = parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"anyone may write {parent}"
    return None


def seal(content: bytes, name: str, place: Path) -> str | None:
    """The sum of a file's name and content that belongs to the cache in `place`; None without a
    key.
    """
    key = kept_key(place) or new_key(place)
    return (
        None if key is None else hmac.digest(key, name.encode() + b"\0" + content, "sha256").hex()
    )


def kept_key(place: Path) -> bytes | None:
    """The key of a cache, if it has a whole one that is this user's."""
    try:
        with opened(place / FILE, os.O_NOFOLLOW) as file:
            status, key = os.fstat(file.fileno()), file.read(BYTES + 1)
    except OSError:
        return None
    private = why_distrusted(status) is None and not status.st_mode & (stat.S_IRGRP | stat.S_IROTH)
    return key if private and len(key) == BYTES else None


def new_key(place: Path) -> bytes | None:
    """A new key, or the key of a process that was quicker; None where no key can be stored."""
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=place, prefix=".new-")
        try:
            with open(handle, "wb") as file:
                file.write(secrets.token_bytes(BYTES))
            put(Path(temporary), place / FILE)
        finally:
            os.unlink(temporary)
    return kept_key(place)


def put(temporary: Path, path: Path) -> None:
    """Move a new key into place, but never over a key that is whole."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if kept_key(path.parent) is None:
            path.unlink()
            os.link(temporary, path)
