"""Object code kept between runs: one file a kernel, named by a hash of all that it depends on.

A cache entry is machine code, so it is trusted only if nobody else can have written it: the
directory and the file must belong to this user and be closed to others' writing, and the seal in
the file's first line must fit (`trust`).  Any doubt is a miss, never an error: the kernel is built
again.  Files appear whole (written under another name, then renamed); the seal rejects
a file that a failing disk has damaged.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import stat
import sys
import tempfile
from functools import cache, lru_cache
from pathlib import Path

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.objects.trust import seal, why_distrusted, why_parents_distrusted
from gradc_runtime.system.errors import bounded
from gradc_runtime.system.files import opened

FORMAT = 2
LARGEST = 1 << 26  # bytes of an entry
SUFFIX = ".object"
TUNING = ".tuning"  # see tuned_tiles.py: data, under the same rules
SCHEDULE = ".schedule"  # see kept_schedules.py: the same
CERTIFICATE = ".certificate"  # see runtime/certificates/certificate.py: the same
PTX, CUBIN = ".ptx", ".cubin"  # see runtime/cuda/devices/kernel_cache.py: kernels of a GPU
SUFFIXES = (SUFFIX, TUNING, SCHEDULE, CERTIFICATE, PTX, CUBIN)


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What `gradc cache` shows."""

    directory: Path
    entries: int
    bytes: int
    trusted: bool
    tunings: tuple[str, ...]  # a description of each tuning


def directory() -> Path:
    """$GRADC_CACHE, or the user's own cache directory."""
    if chosen := os.environ.get("GRADC_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "gradc"


@cache
def warn_once(message: str) -> None:
    """One line on stderr, once for each message."""
    print(f"gradc: {bounded(message)}", file=sys.stderr)


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


def unpacked(content: bytes, name: str, place: Path) -> bytes | None:
    """What is kept in a cache file, if the file is whole and is the one that was asked for."""
    line, _, kept = content.partition(b"\n")
    try:
        found = json.loads(line)["seal"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    wanted = seal(kept, f"{FORMAT} {name}", place)
    whole = (
        isinstance(found, str)
        and wanted is not None
        and hmac.compare_digest(found.encode(errors="replace"), wanted.encode())
    )
    return kept if whole else None


def packed(content: bytes, name: str, about: str, place: Path) -> bytes:
    """A cache file: one line of JSON, then what is kept; `OSError` where nothing can be sealed."""
    sealed = seal(content, f"{FORMAT} {name}", place)
    if sealed is None:
        raise OSError("the cache has no key")
    return json.dumps({"seal": sealed, "about": about}).encode() + b"\n" + content


def load(key: str, suffix: str = SUFFIX) -> bytes | None:
    """Object code by its key, or None: not there, damaged, or not to be trusted."""
    place = trusted_directory()
    if place is None:
        return None
    try:
        with opened(place / (key + suffix), os.O_NOFOLLOW) as file:
            status = os.fstat(file.fileno())
            reason = why_distrusted(status)
            content = file.read() if status.st_size <= LARGEST else b""
    except OSError:
        return None
    if reason is not None:
        warn_once(f"cache entry rejected ({reason})")
        return None
    return unpacked(content, key + suffix, place)


def is_saved(key: str) -> bool:
    """Whether there is a file for this key; it may still prove damaged."""
    with contextlib.suppress(OSError):
        return (directory() / (key + SUFFIX)).exists()
    return False


def save(key: str, code: bytes, about: str, suffix: str = SUFFIX) -> None:
    """Keep object code; a cache that cannot be written is no error."""
    place = trusted_directory()
    if place is None:
        return
    if suffix == TUNING:
        _has_tunings.cache_clear()  # two writes may have the same time
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=place, prefix=".new-")
        try:
            with open(handle, "wb") as file:
                file.write(packed(code, key + suffix, about, place))
            os.replace(temporary, place / (key + suffix))
        except BaseException:
            os.unlink(temporary)
            raise


def entries() -> list[Path]:
    """The files of the cache."""
    return sorted(path for suffix in SUFFIXES for path in named(suffix))


def named(suffix: str) -> list[Path]:
    """The files whose names end with a suffix; none where the directory cannot be read."""
    with contextlib.suppress(OSError):
        return list(directory().glob("*" + suffix))
    return []


def has_tunings() -> bool:
    """Whether there is any tuning.  To go through a full directory takes a while, so the answer is
    remembered until something is written there.
    """
    try:
        return _has_tunings(directory(), directory().stat().st_mtime_ns)
    except OSError:
        return False


@lru_cache(maxsize=4)
def _has_tunings(place: Path, written: int) -> bool:
    with os.scandir(place) as files:
        return any(file.name.endswith(TUNING) for file in files)


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
    total = sum(path.lstat().st_size for path in found)
    kernels = sum(path.suffix in (SUFFIX, PTX) for path in found)
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
