"""Files from the network: a good copy in the cache, or one from the first mirror that has it."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from gradc_runtime.system.errors import DataError

LARGEST = 256 << 20  # bytes of a file, packed or unpacked
DOWNLOADS = (
    "gradc_runtime.data.readers.download"  # with it comes TLS: imported only if a file is missing
)
Fault = Callable[[str, str], DataError]


def cache_folder(name: str) -> Path:
    """The folder where a set is kept: in `GRADC_CACHE`, or the desktop's cache directory."""
    if given := os.environ.get("GRADC_CACHE"):
        return Path(given) / name
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "gradc" / name


def fetch(folder: Path, file: str, digest: str, mirrors: Sequence[str], fault: Fault) -> bytes:
    """The contents of one gzip file: a good copy in the folder, or one from the first good mirror.

    Raises the `DataError` that `fault` makes where no mirror has it.
    """
    kept, reasons = folder / file, []
    if kept.is_file() and (contents := valid(kept.read_bytes(), digest)) is not None:
        return contents
    for mirror in mirrors:
        try:
            packed = import_module(DOWNLOADS).download(f"{mirror}{file}", LARGEST)
        except (OSError, ValueError) as failure:
            reasons.append(f"{mirror}: {getattr(failure, 'reason', failure)}")
            continue
        if (contents := valid(packed, digest)) is not None:
            keep(kept, packed)
            return contents
        reasons.append(f"{mirror}: wrong checksum")
    raise fault(file, "; ".join(map(str, reasons)))


def valid(packed: bytes, digest: str) -> bytes | None:
    """The unpacked contents, if their digest or that of the packed file is known; else None."""
    try:
        contents = zlib.decompressobj(wbits=31).decompress(packed, LARGEST)
    except zlib.error:
        return None
    known = (hashlib.sha256(data).hexdigest() == digest for data in (contents, packed))
    return contents if any(known) else None


def keep(path: Path, packed: bytes) -> None:
    """Store a download whole or not at all; a cache that cannot be written is no fault."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(packed)
        os.replace(temporary, path)
    except OSError:
        return
