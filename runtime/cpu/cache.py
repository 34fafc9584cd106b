"""Object code kept between runs: one file a kernel, named by a hash of all that it depends on.

A cache entry is machine code, so it is trusted only if nobody else can have written it: the
directory and the file must belong to this user and be closed to others' writing, and the sums in
the file's first line must fit.  Any doubt is a miss, never an error: the kernel is built again.
Files appear whole (written aside, renamed), and what a failing disk may leave of them, the sums
reject.  A lock for each key lets one process build while others wait for its result.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FORMAT = 1
SUFFIX = ".object"
TUNING = ".tuning"  # see tuning.py: data, under the same rules


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What `gradc cache` shows."""

    directory: Path
    entries: int
    bytes: int
    trusted: bool
    tunings: tuple[str, ...]  # what each is about


def directory() -> Path:
    """$GRADC_CACHE, or the user's own cache directory."""
    if chosen := os.environ.get("GRADC_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "gradc"


@cache
def warn_once(message: str) -> None:
    """One line on stderr, once for each message."""
    print(f"gradc: {message}", file=sys.stderr)


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


def trusted_directory() -> Path | None:
    """The cache directory, made if it is missing; None if it cannot be used."""
    place = directory()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = place.lstat()
        reason = why_distrusted(status) or why_parents_distrusted(place)
        if not stat.S_ISDIR(status.st_mode):
            reason = "not a directory"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason is None:
        return place
    warn_once(f"cache {place} is not used ({reason})")
    return None


def checksum(code: bytes) -> str:
    """SHA-256 of object code."""
    return hashlib.sha256(code).hexdigest()


def unpacked(content: bytes, key: str) -> bytes | None:
    """The object code in a cache file, if the file is whole and is the one that was asked for."""
    line, _, code = content.partition(b"\n")
    try:
        manifest = json.loads(line)
        wanted = {"format": FORMAT, "key": key, "size": len(code), "sha256": checksum(code)}
        whole = all(manifest[name] == value for name, value in wanted.items())
    except (ValueError, KeyError, TypeError):
        return None
    return code if whole else None


def packed(code: bytes, key: str, about: str) -> bytes:
    """A cache file: one line of JSON, then the object code."""
    sums = {"format": FORMAT, "key": key, "size": len(code), "sha256": checksum(code)}
    return json.dumps({**sums, "about": about}).encode() + b"\n" + code


def load(key: str, suffix: str = SUFFIX) -> bytes | None:
    """Object code by its key, or None: not there, damaged, or not to be trusted."""
    place = trusted_directory()
    if place is None:
        return None
    try:
        with open(os.open(place / (key + suffix), os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            reason = why_distrusted(os.fstat(file.fileno()))
            content = file.read()
    except OSError:
        return None
    if reason is not None:
        warn_once(f"cache entry rejected ({reason})")
        return None
    return unpacked(content, key)


def is_saved(key: str) -> bool:
    """Whether there is a file for this key; it may still prove damaged."""
    return (directory() / (key + SUFFIX)).exists()


def save(key: str, code: bytes, about: str, suffix: str = SUFFIX) -> None:
    """Keep object code; a cache that cannot be written is no error."""
    place = trusted_directory()
    if place is None:
        return
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=place, prefix=".new-")
        try:
            with open(handle, "wb") as file:
                file.write(packed(code, key, about))
            os.replace(temporary, place / (key + suffix))
        except BaseException:
            os.unlink(temporary)
            raise


@contextlib.contextmanager
def locked(key: str, wait: bool = True) -> Iterator[bool]:
    """Hold the key's lock, so that one process builds it; false if it is held and not waited for.

    Without a usable directory there is no lock to hold, and none is needed.
    """
    place = trusted_directory()
    handle = None
    free = True
    if place is not None:
        with contextlib.suppress(OSError):
            handle = os.open(place / f".{key[:3]}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                free = False
    try:
        yield free
    finally:
        if handle is not None:
            os.close(handle)


def entries() -> list[Path]:
    """The files of the cache."""
    place = directory()
    return sorted(path for s in (SUFFIX, TUNING) for path in place.glob("*" + s))


def about(path: Path) -> str:
    """What an entry says it is; nothing if it is damaged or not to be trusted."""
    if load(path.stem, path.suffix) is None:
        return ""
    with path.open("rb") as file:
        return str(json.loads(file.readline()).get("about", ""))


def cache_info() -> CacheInfo:
    """Where the cache is and how large."""
    found = entries()
    tunings = tuple(about(path) for path in found if path.suffix == TUNING)
    total = sum(path.stat().st_size for path in found)
    kernels = len(found) - len(tunings)
    return CacheInfo(directory(), kernels, total, trusted_directory() is not None, tunings)


def cache_verify() -> list[Path]:
    """The damaged or untrusted entries; they would be built again."""
    return [path for path in entries() if load(path.stem, path.suffix) is None]


def cache_clear() -> int:
    """Remove every entry; gives how many there were."""
    found = entries()
    for path in found:
        with contextlib.suppress(OSError):
            path.unlink()
    return len(found)
